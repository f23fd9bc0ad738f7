#include "transfer/request_queue.h"

#include <algorithm>
#include <utility>

namespace transfer {

RequestQueue::RequestQueue(const std::string& name, unsigned connections)
    : connections_(std::max(1U, connections)),
      background_limit_(connections_ == 1 ? 1 : connections_ - std::max(1U, connections_ / 8)),
      pool_(std::make_unique<core::ThreadPool>(name, connections_)) {}

RequestQueue::~RequestQueue() { close(); }

RequestQueue::Items& RequestQueue::items(Urgency urgency) {
  return urgency == Urgency::Foreground ? foreground_ : background_;
}

void RequestQueue::start(std::uint64_t id, Urgency urgency, Begin begin) {
  Items ready;
  {
    const core::MutexLock lock(mutex_);
    if (closed_) {
      return;
    }
    Items& queue = items(urgency);
    queue.push_back({id, urgency, std::move(begin)});
    waiting_.emplace(id, std::prev(queue.end()));
    ready = what_may_begin();
  }
  this->begin(std::move(ready));
}

void RequestQueue::post(std::uint64_t id, Urgency urgency, std::function<void()> work) {
  start(id, urgency, [this, work = std::move(work)](SlotPtr slot) mutable {
    go_on(std::move(slot), std::move(work));
  });
}

void RequestQueue::go_on(SlotPtr slot, std::function<void()> work) {
  pool_->post([slot = std::move(slot), work = std::move(work)]() mutable {
    work();
    work = nullptr;  // what it owns ends before the next begins
  });
}

void RequestQueue::promote(std::uint64_t id) {
  Items ready;
  {
    const core::MutexLock lock(mutex_);
    const auto at = waiting_.find(id);
    if (at != waiting_.end() && at->second->urgency == Urgency::Background) {
      at->second->urgency = Urgency::Foreground;
      foreground_.splice(foreground_.end(), background_, at->second);
      ready = what_may_begin();
    }
  }
  begin(std::move(ready));
}

bool RequestQueue::withdraw(std::uint64_t id) {
  Items withdrawn;  // destroyed without the lock: work may own things that call back
  {
    const core::MutexLock lock(mutex_);
    const auto at = waiting_.find(id);
    if (at == waiting_.end()) {
      return false;
    }
    withdrawn.splice(withdrawn.end(), items(at->second->urgency), at->second);
    waiting_.erase(at);
  }
  return true;
}

void RequestQueue::close() {
  Items dropped;
  {
    const core::MutexLock lock(mutex_);
    closed_ = true;
    dropped.splice(dropped.end(), foreground_);
    dropped.splice(dropped.end(), background_);
    waiting_.clear();
  }
  dropped.clear();
  {
    const core::MutexLock lock(mutex_);
    while (running_ > 0) {
      all_ended_.wait(mutex_);
    }
  }
  pool_.reset();  // joins
}

RequestQueue::Items RequestQueue::what_may_begin() {
  Items ready;
  while (running_ < connections_) {
    if (!foreground_.empty()) {
      take_first(foreground_, ready);
    } else if (!background_.empty() && running_background_ < background_limit_) {
      take_first(background_, ready);
    } else {
      break;
    }
  }
  return ready;
}

void RequestQueue::take_first(Items& from, Items& to) {
  to.splice(to.end(), from, from.begin());
  waiting_.erase(to.back().id);
  ++running_;
  running_background_ += to.back().urgency == Urgency::Background ? 1 : 0;
}

void RequestQueue::begin(Items items) {
  for (Item& item : items) {
    // What the item owns ends before its slot can: with the last slot, close() may return.
    const auto slot = std::make_shared<Slot>(*this, item.urgency);
    item.begin(slot);
    item.begin = nullptr;
  }
}

void RequestQueue::ended(Urgency urgency) {
  Items ready;
  {
    const core::MutexLock lock(mutex_);
    --running_;
    running_background_ -= urgency == Urgency::Background ? 1 : 0;
    ready = what_may_begin();
    if (running_ == 0) {
      all_ended_.notify_all();
    }
  }
  begin(std::move(ready));
}

}  // namespace transfer
