#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace core {

inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
inline std::string to_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}
/// ASCII only, as header names are.
inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}
inline std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}
/// The pieces between separators; an empty text gives one empty piece.
inline std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const auto at = text.find(separator);
    pieces.push_back(text.substr(0, at));
    if (at == std::string_view::npos) {
      return pieces;
    }
    text.remove_prefix(at + 1);
  }
}

/// Percent-encodes everything but A-Z a-z 0-9 - . _ ~ (upper-case hex); keeps '/' if told to.
std::string percent_encode(std::string_view text, bool keep_slash = false);
/// Decodes %XX once; a malformed escape stays as it is. '+' becomes a blank only if told to.
std::string percent_decode(std::string_view text, bool plus_is_blank = false);

}  // namespace core
