#pragma once
#include <map>

#include "core/mutex.h"
#include "fuse/requester.h"

namespace test {

/// Threads that live until they are killed. Others are not known, and taken for dying as the
/// contract has it. Threads: any.
class FakeRequesters final : public fuse::Requesters {
 public:
  void add(pid_t tid) {
    const core::MutexLock lock(mutex_);
    looks_[tid] = 0;
  }
  void kill(pid_t tid) {
    const core::MutexLock lock(mutex_);
    looks_.erase(tid);
  }
  /// How often a living thread has been looked at.
  [[nodiscard]] unsigned looks(pid_t tid) const {
    const core::MutexLock lock(mutex_);
    return looks_.at(tid);
  }
  /// Returns once a living thread has been looked at so often in all.
  void await_looks(pid_t tid, unsigned count) {
    const core::MutexLock lock(mutex_);
    while (looks_.at(tid) < count) {
      looked_.wait(mutex_);
    }
  }

  [[nodiscard]] bool dying(pid_t tid) override {
    const core::MutexLock lock(mutex_);
    const auto found = looks_.find(tid);
    if (found == looks_.end()) {
      return true;
    }
    ++found->second;
    looked_.notify_all();
    return false;
  }

 private:
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  core::CondVar looked_;
  std::map<pid_t, unsigned> looks_ GUARDED_BY(mutex_);
};

}  // namespace test
