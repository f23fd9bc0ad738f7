#include "transfer/alarms.h"

#include "core/thread_pool.h"

namespace transfer {

Alarms::Alarms(core::Clock& clock) : clock_(clock), thread_([this] { run(); }) {}

Alarms::~Alarms() { close(); }

void Alarms::close() {
  {
    const core::MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

Alarms::Id Alarms::set(core::SteadyTime when, std::function<void()> ring) {
  const core::MutexLock lock(mutex_);
  const Id id{when, next_++};
  alarms_.emplace(id, std::move(ring));
  if (when < sleeps_until_) {
    sleeps_until_ = when;  // one call is enough
    changed_.notify_all();
  }
  return id;
}

void Alarms::cancel(const Id& id) {
  std::function<void()> dropped;  // destroyed without the lock
  const core::MutexLock lock(mutex_);
  const auto at = alarms_.find(id);
  if (at != alarms_.end()) {
    dropped = std::move(at->second);
    alarms_.erase(at);
  }
}

void Alarms::run() {
  core::name_this_thread("alarms");
  for (;;) {
    std::function<void()> ring;
    {
      const core::MutexLock lock(mutex_);
      while (!stopping_ &&
             (alarms_.empty() || alarms_.begin()->first.first > clock_.steady_now())) {
        sleeps_until_ = alarms_.empty() ? core::SteadyTime::max() : alarms_.begin()->first.first;
        if (alarms_.empty()) {
          changed_.wait(mutex_);
        } else {
          clock_.wait_until(changed_, mutex_, sleeps_until_);
        }
      }
      if (stopping_) {
        return;
      }
      ring = std::move(alarms_.begin()->second);
      alarms_.erase(alarms_.begin());
    }
    ring();
  }
}

}  // namespace transfer
