#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "fs/siblings.h"

namespace fs {

/// A name that carries a number, "img9.jpg": programs that count go from it to "img10.jpg", which a
/// listing has elsewhere.
struct NumberedName {
  std::string_view stem;
  std::uint32_t number = 0;
  std::string_view ending;

  /// The last number before the last dot, or in all of the name if there is none. Nothing where it
  /// has zeros in front: such names are in the order of the listing anyway.
  static std::optional<NumberedName> of(std::string_view name);
};

/// Siblings by number instead of by the order of a listing, for a few series of names at once.
/// Threads: one at a time.
class NumberedSiblings {
 public:
  /// As Siblings::limit.
  void limit(std::size_t most_ahead) { most_ahead_ = most_ahead; }
  /// As Siblings::looked.
  void looked(std::string_view name, bool known, core::SteadyTime now);
  /// Names to ask for now, where there are such.
  std::vector<std::string> next(core::SteadyTime now);

 private:
  struct Series {
    std::string stem;
    std::string ending;
    Siblings numbers;
    core::SteadyTime last_look = core::SteadyTime::min();

    [[nodiscard]] bool holds(const NumberedName& name) const {
      return stem == name.stem && ending == name.ending;
    }
  };
  Series& series_of(const NumberedName& name);

  std::size_t most_ahead_ = Siblings::kMostAhead;
  std::array<Series, 4> series_;
};

}  // namespace fs
