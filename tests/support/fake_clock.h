#pragma once
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
  /// Moves the wall clock alone, as an operator or NTP would.
  void set_wall_offset(core::Duration offset);
  void await_sleepers(std::size_t count);

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
