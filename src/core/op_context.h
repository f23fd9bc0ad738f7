#pragma once
#include <cstdint>
#include <stop_token>
#include <string>

#include "core/time.h"

namespace core {

/// Why work is done; decides patience and priority.
enum class Cause : std::uint8_t { Foreground, Prefetch, Upload, Maintenance };

/// Travels first in every call that may wait.
struct OpContext {
  SteadyTime deadline = SteadyTime::max();
  std::stop_token stop;
  std::uint64_t id = 0;  ///< our own number of the operation, in every log line about it
  Cause cause = Cause::Foreground;

  [[nodiscard]] bool stopped() const { return stop.stop_requested(); }
  /// The same operation with a nearer end.
  [[nodiscard]] OpContext until(SteadyTime earlier) const {
    OpContext nearer = *this;
    nearer.deadline = earlier < deadline ? earlier : deadline;
    return nearer;
  }
};

}  // namespace core
