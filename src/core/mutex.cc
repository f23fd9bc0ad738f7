#include "core/mutex.h"

#include <algorithm>
#include <vector>

#include "core/check.h"
#include "core/held_locks.h"

namespace core {
namespace {

#ifndef NDEBUG
// A plain function-local thread_local: destroyed with its thread, after which no lock is taken.
std::vector<const Mutex*>& held_locks() {
  thread_local std::vector<const Mutex*> locks;
  return locks;
}
#endif

}  // namespace

bool holds_a_lock() {
#ifndef NDEBUG
  return !held_locks().empty();
#else
  return false;
#endif
}

void Mutex::lock() NO_THREAD_SAFETY_ANALYSIS {
#ifndef NDEBUG
  for (const Mutex* other : held_locks()) {
    CORE_CHECK(other->rank_ < rank_);
  }
#endif
  mutex_.lock();
#ifndef NDEBUG
  held_locks().push_back(this);
#endif
}

void Mutex::unlock() NO_THREAD_SAFETY_ANALYSIS {
#ifndef NDEBUG
  auto& locks = held_locks();
  const auto it = std::find(locks.rbegin(), locks.rend(), this);
  CORE_CHECK(it != locks.rend());
  locks.erase(std::next(it).base());
#endif
  mutex_.unlock();
}

}  // namespace core
