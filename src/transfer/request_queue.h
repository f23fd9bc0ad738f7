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

  /// The right to have a request under way; gone with its last owner.
  class Slot {
   public:
    Slot(RequestQueue& queue, Urgency urgency) : queue_(queue), urgency_(urgency) {}
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot() { queue_.ended(urgency_); }

   private:
    RequestQueue& queue_;
    const Urgency urgency_;
  };
  using SlotPtr = std::shared_ptr<Slot>;
  using Begin = std::function<void(SlotPtr)>;
  /// `id` is the caller's name for it, used once. `begin` must not block; it is called once there
  /// is a slot, by whoever makes that so, perhaps before this returns. After close() it is dropped.
  void start(std::uint64_t id, Urgency urgency, Begin begin);
  /// The same with `work` that may block, on a thread of its own.
  void post(std::uint64_t id, Urgency urgency, std::function<void()> work);
  /// Goes on with a request that has its slot on a thread where it may block.
  void go_on(SlotPtr slot, std::function<void()> work);
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
    Begin begin;
  };
  using Items = std::list<Item>;

  Items& items(Urgency urgency) REQUIRES(mutex_);
  /// Takes out what has a slot now; to be begun without the lock.
  Items what_may_begin() REQUIRES(mutex_);
  void take_first(Items& from, Items& to) REQUIRES(mutex_);
  void begin(Items items);
  void ended(Urgency urgency);

  const unsigned connections_;
  const unsigned background_limit_;
  core::Mutex mutex_{core::LockRank::Transport};
  core::CondVar all_ended_;
  Items foreground_ GUARDED_BY(mutex_);
  Items background_ GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, Items::iterator> waiting_ GUARDED_BY(mutex_);
  unsigned running_ GUARDED_BY(mutex_) = 0;
  unsigned running_background_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<core::ThreadPool> pool_;  ///< set until close(), which only the owner calls
};

}  // namespace transfer
