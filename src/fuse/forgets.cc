#include "fuse/forgets.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

namespace fuse {
namespace {

// The file system's lock is not fair: whoever takes it again and again keeps the others out. So
// many in a row, then a pause that lets them in.
constexpr std::size_t kInARow = 64;
constexpr std::chrono::microseconds kPause{50};

}  // namespace

bool Forgets::add(std::span<const Forgotten> forgets) {
  const core::MutexLock lock(mutex_);
  waiting_.insert(waiting_.end(), forgets.begin(), forgets.end());
  return !std::exchange(at_work_, true);
}

void Forgets::work_off() {
  std::vector<Forgotten> some;
  for (;;) {
    some.clear();
    {
      const core::MutexLock lock(mutex_);
      const auto end =
          waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(kInARow, waiting_.size()));
      some.assign(waiting_.begin(), end);
      waiting_.erase(waiting_.begin(), end);
      if (some.empty()) {
        at_work_ = false;
        return;
      }
    }
    for (const Forgotten& one : some) {
      fs_.forget(one.inode, one.lookups);
    }
    if (some.size() == kInARow) {
      std::this_thread::sleep_for(kPause);
    }
  }
}

}  // namespace fuse
