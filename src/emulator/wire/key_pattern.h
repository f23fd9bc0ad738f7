#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace emulator {

/// A regular expression (ECMAScript) that is searched for in keys. Copying shares.
class KeyPattern {
 public:
  /// Errors: InvalidArgument.
  static core::Result<KeyPattern> parse(const std::string& text);
  [[nodiscard]] bool found_in(std::string_view key) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace emulator
