#pragma once
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/mutex.h"

namespace core {

/// Up to `limit` threads, started as they are needed, that run what is posted in order of arrival.
/// Work on a pool must not wait for other work on the same pool, except through a TaskGroup.
/// Threads: any may post; the destructor runs what is queued and joins.
class ThreadPool {
 public:
  ThreadPool(std::string name, std::size_t limit);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  void post(std::function<void()> work);
  [[nodiscard]] std::size_t queued() const;
  /// Whether the calling thread is one of the pool's.
  [[nodiscard]] bool owns_this_thread() const;

 private:
  void run();

  const std::string name_;
  const std::size_t limit_;
  mutable Mutex mutex_{LockRank::Pool};
  CondVar changed_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
  std::size_t idle_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

/// Names the calling thread for ps and debuggers (15 characters at most are kept).
void name_this_thread(const std::string& name);

}  // namespace core
