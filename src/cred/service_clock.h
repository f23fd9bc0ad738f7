#pragma once
#include <optional>

#include "core/clock.h"
#include "core/mutex.h"

namespace cred {

/// The service's idea of the time: our own wall clock until an answer corrects it, from then on
/// that answer's Date carried forward on the steady clock, so that setting the wall clock changes
/// nothing any more.
/// Threads: any.
class ServiceClock {
 public:
  explicit ServiceClock(core::Clock& clock) : clock_(clock) {}

  [[nodiscard]] core::WallTime now() const { return clock_.wall_now() + offset(); }
  /// Service clock - own wall clock.
  [[nodiscard]] core::Duration offset() const;
  /// Learns from the Date of an answer that complained of skew.
  void correct(core::WallTime service_now);
  [[nodiscard]] core::Clock& own() const { return clock_; }

 private:
  struct Anchor {
    core::WallTime service;
    core::SteadyTime own;
  };
  core::Clock& clock_;
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  std::optional<Anchor> anchor_ GUARDED_BY(mutex_);
};

}  // namespace cred
