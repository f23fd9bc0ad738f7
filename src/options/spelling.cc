#include "options/spelling.h"

#include <array>
#include <string_view>

#include "core/format.h"

namespace options {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t amount;
};

template <std::size_t N>
std::string in_largest(const std::array<Unit, N>& units, std::uint64_t amount) {
  for (const Unit& unit : units) {
    if (amount > 0 && amount % unit.amount == 0) {
      return core::format("{}{}", amount / unit.amount, unit.name);
    }
  }
  return core::format("{}{}", amount, units.back().name);
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<Unit, 5> kUnits = {{{"TiB", std::uint64_t{1} << 40U},
                                           {"GiB", std::uint64_t{1} << 30U},
                                           {"MiB", std::uint64_t{1} << 20U},
                                           {"KiB", std::uint64_t{1} << 10U},
                                           {"", 1}}};
  return in_largest(kUnits, bytes);
}

std::string duration_text(core::Duration duration) {
  constexpr std::array<Unit, 4> kUnits = {
      {{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return milliseconds == 0 ? "0s" : in_largest(kUnits, static_cast<std::uint64_t>(milliseconds));
}

std::string mode_text(unsigned bits) { return core::format("{:04o}", bits); }

}  // namespace options
