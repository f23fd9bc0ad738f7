#pragma once
// Who takes one name after another away: a pure rule, of callers and times.
#include <sys/types.h>

#include <array>

#include "core/time.h"

namespace fs {

/// A caller whose last few removals went well, each soon after the one before, is in a burst
/// (`rm -rf`). One that failed ends it, so that a program which may not remove learns so itself.
/// Threads: guarded by its owner.
class Bursts {
 public:
  /// So many removals in a row have to be waited for.
  static constexpr unsigned kWaitedFor = 8;
  /// At most so long after one another.
  static constexpr core::Duration kPause = std::chrono::seconds{1};

  [[nodiscard]] bool is_in_one(pid_t caller, core::SteadyTime now) const;
  void removed(pid_t caller, core::SteadyTime now);
  void failed(pid_t caller);

 private:
  struct Run {
    pid_t caller = -1;
    unsigned length = 0;
    core::SteadyTime last{};
  };
  std::array<Run, 16> runs_;  ///< of the callers seen last
};

}  // namespace fs
