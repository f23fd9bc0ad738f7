#pragma once
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/mutex.h"
#include "core/thread_pool.h"

namespace transfer {

/// Requests that wait for a connection: who waits now goes before who runs ahead, and running ahead
/// never takes the last connections.
/// Threads: any.
class RequestQueue {
 public:
  enum class Urgency : std::uint8_t { Foreground, Background };

  RequestQueue(const std::string& name, unsigned connections);
  RequestQueue(const RequestQueue&) = delete;
  RequestQueue& operator=(const RequestQueue&) = delete;
  /// As close().
  ~RequestQueue();

  /// `id` is the caller's name for it, used once. `work` may block. After close() it is dropped.
  void post(std::uint64_t id, Urgency urgency, std::function<void()> work);
  /// Moves a request that has not begun to the foreground.
  void promote(std::uint64_t id);
  /// True: it had not begun and never will.
  bool withdraw(std::uint64_t id);
  /// Drops what has not begun and waits for what has.
  void close();

 private:
  struct Item {
    std::uint64_t id = 0;
    Urgency urgency = Urgency::Foreground;
    std::function<void()> work;
  };
  using Items = std::list<Item>;

  Items& items(Urgency urgency) REQUIRES(mutex_);
  void start_what_may() REQUIRES(mutex_);
  void start_first(Items& from) REQUIRES(mutex_);

  const unsigned connections_;
  const unsigned background_limit_;
  core::Mutex mutex_{core::LockRank::Transport};
  Items foreground_ GUARDED_BY(mutex_);
  Items background_ GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, Items::iterator> waiting_ GUARDED_BY(mutex_);
  unsigned running_ GUARDED_BY(mutex_) = 0;
  unsigned running_background_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<core::ThreadPool> pool_;  ///< set until close(), which only the owner calls
};

}  // namespace transfer
