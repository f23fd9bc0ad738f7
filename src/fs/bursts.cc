#include "fs/bursts.h"

#include <algorithm>

namespace fs {

bool Bursts::is_in_one(pid_t caller, core::SteadyTime now) const {
  return std::any_of(runs_.begin(), runs_.end(), [&](const Run& run) {
    return run.caller == caller && run.length >= kWaitedFor && now - run.last <= kPause;
  });
}

void Bursts::removed(pid_t caller, core::SteadyTime now) {
  auto run = std::find_if(runs_.begin(), runs_.end(),
                          [&](const Run& known) { return known.caller == caller; });
  if (run == runs_.end()) {
    run = std::min_element(runs_.begin(), runs_.end(),
                           [](const Run& a, const Run& b) { return a.last < b.last; });
    *run = {caller, 0, now};
  }
  run->length = now - run->last <= kPause ? run->length + 1 : 1;
  run->last = now;
}

void Bursts::failed(pid_t caller) {
  for (Run& run : runs_) {
    run.length = run.caller == caller ? 0 : run.length;
  }
}

}  // namespace fs
