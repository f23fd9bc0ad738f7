// g++ 12 with sanitizers takes std::regex's own variants for uninitialised.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include "emulator/wire/key_pattern.h"

#include <regex>

#include "core/format.h"

namespace emulator {

struct KeyPattern::Compiled {
  std::regex regex;
};

core::Result<KeyPattern> KeyPattern::parse(const std::string& text) {
  try {
    auto compiled = std::make_shared<Compiled>();
    compiled->regex.assign(text);
    KeyPattern pattern;
    pattern.compiled_ = std::move(compiled);
    return pattern;
  } catch (const std::regex_error& error) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("not a regular expression: {} ({})", text, error.what()));
  }
}

bool KeyPattern::found_in(std::string_view key) const {
  return std::regex_search(key.begin(), key.end(), compiled_->regex);
}

}  // namespace emulator
