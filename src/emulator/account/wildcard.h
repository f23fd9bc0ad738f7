#pragma once
#include <string_view>

#include "core/text.h"

namespace emulator {

/// Whether `text` matches `pattern`, in which '*' is any run and '?' any one character.
/// Linear in practice: only the last '*' is ever tried again.
inline bool wildcard_match(std::string_view pattern, std::string_view text,
                           bool ignore_case = false) {
  const auto same = [ignore_case](char a, char b) {
    return a == b || (ignore_case && core::lower(a) == core::lower(b));
  };
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || same(pattern[p], text[t]))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace emulator
