#include "store/user_meta.h"

#include <algorithm>

#include "core/text.h"

namespace store {
namespace {

bool is_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

std::string encode_meta_value(std::string_view value) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool at_end = i == 0 || i + 1 == value.size();
    if (c < ' ' || c > '~' || c == '%' || (c == ' ' && at_end)) {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    } else {
      out += c;
    }
  }
  return out;
}

std::string decode_meta_value(std::string_view text) { return core::percent_decode(text); }

core::Status check_user_meta(const UserMeta& user, std::string_view prefix) {
  std::size_t total = 0;
  for (const auto& [name, value] : user) {
    if (!is_name(name)) {
      return core::fail(core::ErrorKind::InvalidArgument,
                        "\"" + name + "\" is no name for metadata");
    }
    total += prefix.size() + name.size() + encode_meta_value(value).size();
  }
  if (total > kMaxUserMetaBytes) {
    return core::fail(core::ErrorKind::TooLarge, "metadata of " + std::to_string(total) +
                                                     " bytes; the service takes " +
                                                     std::to_string(kMaxUserMetaBytes));
  }
  return {};
}

}  // namespace store
