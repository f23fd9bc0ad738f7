#pragma once
#include <stop_token>

#include "core/mutex.h"
#include "core/time.h"

namespace core {

/// Time as the program sees it, waiting included. Tests give a fake that moves on command
/// (tests/support/fake_clock.h).
/// Threads: any.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  [[nodiscard]] virtual SteadyTime steady_now() const = 0;
  [[nodiscard]] virtual WallTime wall_now() const = 0;
  /// Returns when `changed` was notified, at `deadline`, or spuriously: test the condition again.
  virtual void wait_until(CondVar& changed, Mutex& mutex, SteadyTime deadline) REQUIRES(mutex) = 0;

  /// Sleeps until `deadline`; false if `stop` was requested before.
  bool sleep_until(SteadyTime deadline, const std::stop_token& stop);
};

/// The real thing.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime steady_now() const override { return BootClock::now(); }
  [[nodiscard]] WallTime wall_now() const override { return std::chrono::system_clock::now(); }
  void wait_until(CondVar& changed, Mutex& mutex, SteadyTime deadline) override REQUIRES(mutex) {
    changed.wait_until(mutex, deadline);
  }
};

}  // namespace core
