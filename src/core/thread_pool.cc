#include "core/thread_pool.h"

#include <pthread.h>

#include <utility>

namespace core {
namespace {

const ThreadPool*& pool_of_this_thread() {
  thread_local const ThreadPool* pool = nullptr;
  return pool;
}

}  // namespace

void name_this_thread(const std::string& name) {
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
}

ThreadPool::ThreadPool(std::string name, std::size_t limit)
    : name_(std::move(name)), limit_(limit) {}

ThreadPool::~ThreadPool() {
  std::vector<std::thread> threads;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

void ThreadPool::post(std::function<void()> work) {
  const MutexLock lock(mutex_);
  queue_.push_back(std::move(work));
  if (idle_ < queue_.size() && threads_.size() < limit_ && !stopping_) {
    threads_.emplace_back([this] { run(); });
  }
  changed_.notify_one();
}

std::size_t ThreadPool::queued() const {
  const MutexLock lock(mutex_);
  return queue_.size();
}

bool ThreadPool::owns_this_thread() const { return pool_of_this_thread() == this; }

void ThreadPool::run() {
  name_this_thread(name_);
  pool_of_this_thread() = this;
  for (;;) {
    std::function<void()> work;
    {
      const MutexLock lock(mutex_);
      ++idle_;
      while (queue_.empty() && !stopping_) {
        changed_.wait(mutex_);
      }
      --idle_;
      if (queue_.empty()) {
        return;
      }
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace core
