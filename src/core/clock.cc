#include "core/clock.h"

namespace core {

bool Clock::sleep_until(SteadyTime deadline, const std::stop_token& stop) {
  Mutex mutex{LockRank::Leaf};
  CondVar changed;
  const std::stop_callback wake(stop, [&] {
    const MutexLock lock(mutex);
    changed.notify_all();
  });
  const MutexLock lock(mutex);
  while (!stop.stop_requested() && steady_now() < deadline) {
    wait_until(changed, mutex, deadline);
  }
  return !stop.stop_requested();
}

}  // namespace core
