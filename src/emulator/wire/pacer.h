#pragma once
#include <algorithm>
#include <cstdint>

#include "core/time.h"

namespace emulator {

/// The slower of two rates, of which 0 means none.
inline std::uint64_t slower(std::uint64_t a, std::uint64_t b) {
  return a == 0 ? b : b == 0 ? a : std::min(a, b);
}

/// Keeps a body to a rate: how much at once, and how long to wait then. Pure.
class Pacer {
 public:
  /// `rate` in bytes a second; 0: as fast as it goes.
  Pacer(std::uint64_t rate, core::SteadyTime start) : rate_(rate), start_(start) {}

  /// At most so many bytes before the next moved(): a fiftieth of a second's worth.
  [[nodiscard]] std::uint64_t step() const {
    return rate_ == 0 ? UINT64_MAX
                      : std::clamp<std::uint64_t>(rate_ / 50, 1024, std::uint64_t{1} << 20U);
  }
  /// How long to wait after `n` more bytes.
  core::Duration moved(std::uint64_t n, core::SteadyTime now) {
    if (rate_ == 0) {
      return {};
    }
    total_ += n;
    const double seconds = static_cast<double>(total_) / static_cast<double>(rate_);
    return start_ +
           std::chrono::duration_cast<core::Duration>(std::chrono::duration<double>(seconds)) - now;
  }

 private:
  const std::uint64_t rate_;
  const core::SteadyTime start_;
  std::uint64_t total_ = 0;
};

}  // namespace emulator
