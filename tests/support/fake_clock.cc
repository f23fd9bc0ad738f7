#include "support/fake_clock.h"

#include <algorithm>

namespace test {
namespace {
constexpr auto kBoot = core::SteadyTime{} + std::chrono::hours{1};
// 2024-01-02T03:04:05Z
const core::WallTime kEpoch = core::wall_from_unix(1'704'164'645);
}  // namespace

core::SteadyTime FakeClock::steady_now() const {
  const core::MutexLock lock(mutex_);
  return kBoot + elapsed_;
}

core::WallTime FakeClock::wall_now() const {
  const core::MutexLock lock(mutex_);
  return kEpoch + elapsed_ + wall_offset_;
}

void FakeClock::wait_until(core::CondVar& changed, core::Mutex& mutex, core::SteadyTime deadline) {
  std::uint64_t id = 0;
  {
    const core::MutexLock lock(mutex_);
    if (kBoot + elapsed_ >= deadline) {
      return;
    }
    id = next_id_++;
    sleepers_.push_back({&changed, &mutex, deadline, id});
    planned_.notify_all();
  }
  changed.wait(mutex);
  const core::MutexLock lock(mutex_);
  std::erase_if(sleepers_, [id](const Sleeper& s) { return s.id == id; });
}

void FakeClock::advance(core::Duration by) {
  std::vector<Sleeper> due;
  {
    const core::MutexLock lock(mutex_);
    elapsed_ += by;
    const auto now = kBoot + elapsed_;
    const auto split = std::partition(sleepers_.begin(), sleepers_.end(),
                                      [now](const Sleeper& s) { return s.deadline > now; });
    due.assign(split, sleepers_.end());
    sleepers_.erase(split, sleepers_.end());
  }
  for (const Sleeper& sleeper : due) {
    // The sleeper holds its mutex from planning until it waits, so this cannot come too early.
    const core::MutexLock lock(*sleeper.mutex);
    sleeper.changed->notify_all();
  }
}

void FakeClock::set_wall_offset(core::Duration offset) {
  const core::MutexLock lock(mutex_);
  wall_offset_ = offset;
}

void FakeClock::await_sleepers(std::size_t count) {
  const core::MutexLock lock(mutex_);
  while (sleepers_.size() < count) {
    planned_.wait(mutex_);
  }
}

std::size_t FakeClock::sleepers() const {
  const core::MutexLock lock(mutex_);
  return sleepers_.size();
}

void FakeClock::rouse() {
  std::vector<Sleeper> all;
  {
    const core::MutexLock lock(mutex_);
    all.swap(sleepers_);
  }
  for (const Sleeper& sleeper : all) {
    const core::MutexLock lock(*sleeper.mutex);
    sleeper.changed->notify_all();
  }
}

void FakeClock::suspend(core::Duration by) {
  const core::MutexLock lock(mutex_);
  elapsed_ += by;
}

std::optional<core::SteadyTime> FakeClock::next_deadline() const {
  const core::MutexLock lock(mutex_);
  std::optional<core::SteadyTime> earliest;
  for (const Sleeper& sleeper : sleepers_) {
    earliest = std::min(earliest.value_or(sleeper.deadline), sleeper.deadline);
  }
  return earliest;
}

}  // namespace test
