#include "model/meta_text.h"

#include "core/text.h"

namespace model {

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

}  // namespace model
