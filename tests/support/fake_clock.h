#pragma once
#include <optional>
#include <vector>

#include "core/clock.h"

namespace test {

/// Time on command. advance() moves it and wakes exactly those who are due; await_sleepers(n)
/// waits (in real time) until n threads have planned a wait beyond now.
class FakeClock final : public core::Clock {
 public:
  [[nodiscard]] core::SteadyTime steady_now() const override;
  [[nodiscard]] core::WallTime wall_now() const override;
  void wait_until(core::CondVar& changed, core::Mutex& mutex, core::SteadyTime deadline) override
      REQUIRES(mutex);

  void advance(core::Duration by);
  /// Wakes every sleeper at the present time, as spurious wake-ups would: whoever waits on still
  /// plans anew, so that nobody's old plan is taken for a new one.
  void rouse();
  /// Time passes and nobody wakes, as while the machine is suspended.
  void suspend(core::Duration by);
  /// Moves the wall clock alone, as an operator or NTP would.
  void set_wall_offset(core::Duration offset);
  void await_sleepers(std::size_t count);
  [[nodiscard]] std::size_t sleepers() const;
  /// The earliest planned end of a wait; nothing if nobody waits.
  [[nodiscard]] std::optional<core::SteadyTime> next_deadline() const;

 private:
  struct Sleeper {
    core::CondVar* changed;
    core::Mutex* mutex;
    core::SteadyTime deadline;
    std::uint64_t id;
  };

  mutable core::Mutex mutex_{core::LockRank::Clock};
  core::CondVar planned_;
  core::Duration elapsed_ GUARDED_BY(mutex_){0};
  core::Duration wall_offset_ GUARDED_BY(mutex_){0};
  std::uint64_t next_id_ GUARDED_BY(mutex_) = 0;
  std::vector<Sleeper> sleepers_ GUARDED_BY(mutex_);
};

}  // namespace test
