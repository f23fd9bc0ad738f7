#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "core/clock.h"
#include "core/mutex.h"

namespace fuse {

/// The kernel's requests between arrival and answer, by the kernel's number of them.
/// Threads: any. Stop callbacks run on the thread that asks to stop, with no lock held.
class InFlight {
 public:
  /// `caller` is the thread that waits, 0 if it cannot be seen from here.
  std::stop_token enter(std::uint64_t id, pid_t caller);
  void leave(std::uint64_t id);
  /// Nothing if there is no such request.
  [[nodiscard]] std::optional<pid_t> caller(std::uint64_t id) const;
  /// False if there is no such request: it was answered, or is about to enter.
  bool request_stop(std::uint64_t id);
  void request_stop_of_all();
  /// True when nothing is in flight; false at `deadline`.
  bool wait_until_empty(core::Clock& clock, core::SteadyTime deadline);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    pid_t caller = 0;
    std::stop_source source;
  };

  mutable core::Mutex mutex_{core::LockRank::Session};
  core::CondVar changed_;
  std::unordered_map<std::uint64_t, Entry> requests_ GUARDED_BY(mutex_);
};

}  // namespace fuse
