#pragma once
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include "core/clock.h"
#include "core/mutex.h"

namespace transfer {

/// Calls back when a time has come, from a thread of its own: for those who wait without a thread.
/// Threads: any. A callback may still run while cancel() returns; it must not block.
class Alarms {
 public:
  explicit Alarms(core::Clock& clock);
  Alarms(const Alarms&) = delete;
  Alarms& operator=(const Alarms&) = delete;
  /// As close().
  ~Alarms();

  /// Drops what has not rung; nothing rings once it has returned, nor what is set later.
  void close();

  using Id = std::pair<core::SteadyTime, std::uint64_t>;
  Id set(core::SteadyTime when, std::function<void()> ring);
  void cancel(const Id& id);

 private:
  void run();

  core::Clock& clock_;
  core::Mutex mutex_{core::LockRank::Leaf};
  core::CondVar changed_;
  std::map<Id, std::function<void()>> alarms_ GUARDED_BY(mutex_);
  /// When the thread looks again by itself. What is cancelled does not wake it, nor does what is
  /// later than that: one that sets and cancels an alarm for each read wakes it once in a while.
  core::SteadyTime sleeps_until_ GUARDED_BY(mutex_) = core::SteadyTime::min();
  std::uint64_t next_ GUARDED_BY(mutex_) = 1;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace transfer
