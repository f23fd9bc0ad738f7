#include "fuse/interrupts.h"

#include <algorithm>
#include <optional>
#include <system_error>

#include "core/format.h"
#include "core/thread_pool.h"

namespace fuse {

Interrupts::Interrupts(InFlight& in_flight, Requesters& requesters, core::Clock& clock,
                       core::Metrics& metrics, core::Duration look_again)
    : in_flight_(in_flight),
      requesters_(requesters),
      clock_(clock),
      counters_(metrics),
      look_again_(look_again) {}

core::Status Interrupts::start() {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return core::fail(core::ErrorKind::NoSpace,
                      core::format("cannot start a thread: {}", error.what()));
  }
  return {};
}

void Interrupts::stop() {
  {
    const core::MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

bool Interrupts::arrived(std::uint64_t id) {
  const std::optional<pid_t> caller = in_flight_.caller(id);
  if (!caller) {
    return false;
  }
  if (requesters_.dying(*caller)) {
    return give_up(id);
  }
  counters_.signals_outlived.add();
  const core::MutexLock lock(mutex_);
  living_.push_back(id);
  if (living_.size() == 1) {
    changed_.notify_all();
  }
  return true;
}

bool Interrupts::give_up(std::uint64_t id) {
  if (!in_flight_.request_stop(id)) {
    return false;
  }
  counters_.interrupts.add();
  return true;
}

bool Interrupts::waits_on(std::uint64_t id) {
  const std::optional<pid_t> caller = in_flight_.caller(id);
  if (!caller) {
    return false;
  }
  if (requesters_.dying(*caller)) {
    give_up(id);
    return false;
  }
  return true;
}

void Interrupts::run() {
  core::name_this_thread("interrupts");
  for (;;) {
    std::vector<std::uint64_t> ids;
    {
      const core::MutexLock lock(mutex_);
      while (living_.empty() && !stopping_) {
        changed_.wait(mutex_);
      }
      const core::SteadyTime next = clock_.steady_now() + look_again_;
      while (!stopping_ && clock_.steady_now() < next) {
        clock_.wait_until(changed_, mutex_, next);
      }
      if (stopping_) {
        return;
      }
      ids.swap(living_);
    }
    // With no lock held: this reads files, and stops requests.
    std::erase_if(ids, [this](std::uint64_t id) { return !waits_on(id); });
    const core::MutexLock lock(mutex_);
    living_.insert(living_.end(), ids.begin(), ids.end());
  }
}

}  // namespace fuse
