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

void RequestQueue::post(std::uint64_t id, Urgency urgency, std::function<void()> work) {
  const core::MutexLock lock(mutex_);
  if (closed_) {
    return;
  }
  Items& queue = items(urgency);
  queue.push_back({id, urgency, std::move(work)});
  waiting_.emplace(id, std::prev(queue.end()));
  start_what_may();
}

void RequestQueue::promote(std::uint64_t id) {
  const core::MutexLock lock(mutex_);
  const auto at = waiting_.find(id);
  if (at != waiting_.end() && at->second->urgency == Urgency::Background) {
    at->second->urgency = Urgency::Foreground;
    foreground_.splice(foreground_.end(), background_, at->second);
    start_what_may();
  }
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
  pool_.reset();  // joins
}

void RequestQueue::start_what_may() {
  while (running_ < connections_) {
    if (!foreground_.empty()) {
      start_first(foreground_);
    } else if (!background_.empty() && running_background_ < background_limit_) {
      start_first(background_);
    } else {
      return;
    }
  }
}

void RequestQueue::start_first(Items& from) {
  Item item = std::move(from.front());
  from.pop_front();
  waiting_.erase(item.id);
  const bool background = item.urgency == Urgency::Background;
  ++running_;
  running_background_ += background ? 1 : 0;
  pool_->post([this, background, work = std::move(item.work)]() mutable {
    work();
    work = nullptr;  // what it owns ends before the next begins
    const core::MutexLock lock(mutex_);
    --running_;
    running_background_ -= background ? 1 : 0;
    start_what_may();
  });
}

}  // namespace transfer
