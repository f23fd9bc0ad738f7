#include "emulator/account/base64url.h"

#include <algorithm>

#include "core/digest.h"

namespace emulator {

std::string base64url(std::string_view raw) {
  std::string text = core::base64(raw);
  text.resize(text.find_last_not_of('=') + 1);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::optional<std::string> base64url_decode(std::string_view text) {
  std::string standard(text);
  std::replace(standard.begin(), standard.end(), '-', '+');
  std::replace(standard.begin(), standard.end(), '_', '/');
  standard.append((4 - standard.size() % 4) % 4, '=');
  auto raw = core::base64_decode(standard);
  // The last character has bits to spare: refuse every spelling but our own.
  if (!raw || base64url(*raw) != text) {
    return std::nullopt;
  }
  return raw;
}

}  // namespace emulator
