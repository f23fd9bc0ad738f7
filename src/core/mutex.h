#pragma once
// Locks that know their place: ranks only rise within a thread (docs/locking.md gives each its
// reason), and clang checks who guards what.
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "core/thread_annotations.h"
#include "core/time.h"

namespace core {

/// A thread may take a lock only of a higher rank than those it holds. Debug builds abort
/// otherwise.
enum class LockRank : std::uint8_t {
  App = 10,
  Session = 20,      ///< fuse: session life and reply bookkeeping
  Namespace = 30,    ///< fs: the inode table and its tree
  Layers = 45,       ///< transfer: which bytes of staged content are the object's
  Staging = 50,      ///< transfer: a staged file's ranges
  Reader = 55,       ///< transfer: one prefetching reader
  Cache = 60,        ///< cache: attributes, listings, blocks
  Budget = 65,       ///< cache: the memory budget
  Credentials = 70,  ///< cred: refresher state
  Transport = 75,    ///< curl: the loop's queue
  Pool = 80,         ///< core: thread pool and gates
  Leaf = 90,         ///< anything that calls nothing while held
  Clock = 95,        ///< fake clocks: time is asked for under any lock
};

class CAPABILITY("mutex") Mutex {
 public:
  explicit Mutex(LockRank rank) : rank_(rank) {}
  ~Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() ACQUIRE();
  void unlock() RELEASE();
  [[nodiscard]] LockRank rank() const { return rank_; }

 private:
  std::mutex mutex_;
  const LockRank rank_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() {
    if (held_) {
      mutex_.unlock();
    }
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  /// Lets go early; the destructor then does nothing.
  void unlock() RELEASE() {
    held_ = false;
    mutex_.unlock();
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

/// A condition variable for Mutex. Wait in a loop: wake-ups may be spurious.
class CondVar {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) { cv_.wait(mutex); }
  /// Real time only; code that must be testable waits through Clock::wait_until.
  void wait_until(Mutex& mutex, SteadyTime deadline) REQUIRES(mutex) {
    // The library adds the difference of two clocks: the end of time would overflow.
    if (deadline == SteadyTime::max()) {
      cv_.wait(mutex);
    } else {
      cv_.wait_until(mutex, deadline);
    }
  }
  void notify_one() { cv_.notify_one(); }
  void notify_all() { cv_.notify_all(); }

 private:
  std::condition_variable_any cv_;
};

}  // namespace core
