#include "fuse/in_flight.h"

namespace fuse {

std::stop_token InFlight::enter(std::uint64_t id, pid_t caller) {
  const core::MutexLock lock(mutex_);
  Entry& entry = requests_[id];
  entry.caller = caller;
  return entry.source.get_token();
}

void InFlight::leave(std::uint64_t id) {
  const core::MutexLock lock(mutex_);
  requests_.erase(id);
  if (requests_.empty()) {
    changed_.notify_all();
  }
}

std::optional<pid_t> InFlight::caller(std::uint64_t id) const {
  const core::MutexLock lock(mutex_);
  const auto found = requests_.find(id);
  return found == requests_.end() ? std::nullopt : std::optional(found->second.caller);
}

bool InFlight::request_stop(std::uint64_t id) {
  std::optional<std::stop_source> source;
  {
    const core::MutexLock lock(mutex_);
    if (const auto found = requests_.find(id); found != requests_.end()) {
      source.emplace(found->second.source);
    }
  }
  return source && (source->request_stop() || source->stop_requested());
}

void InFlight::request_stop_of_all() {
  std::vector<std::stop_source> sources;
  {
    const core::MutexLock lock(mutex_);
    sources.reserve(requests_.size());
    for (const auto& [id, entry] : requests_) {
      sources.push_back(entry.source);
    }
  }
  for (std::stop_source& source : sources) {
    source.request_stop();
  }
}

bool InFlight::wait_until_empty(core::Clock& clock, core::SteadyTime deadline) {
  const core::MutexLock lock(mutex_);
  while (!requests_.empty()) {
    if (clock.steady_now() >= deadline) {
      return false;
    }
    clock.wait_until(changed_, mutex_, deadline);
  }
  return true;
}

std::size_t InFlight::size() const {
  const core::MutexLock lock(mutex_);
  return requests_.size();
}

}  // namespace fuse
