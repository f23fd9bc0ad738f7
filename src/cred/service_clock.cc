#include "cred/service_clock.h"

namespace cred {

core::Duration ServiceClock::offset() const {
  const core::SteadyTime steady = clock_.steady_now();
  const core::WallTime wall = clock_.wall_now();
  const core::MutexLock lock(mutex_);
  return anchor_ ? anchor_->service + (steady - anchor_->own) - wall : core::Duration{0};
}

void ServiceClock::correct(core::WallTime service_now) {
  const core::SteadyTime steady = clock_.steady_now();
  const core::MutexLock lock(mutex_);
  anchor_ = Anchor{service_now, steady};
}

}  // namespace cred
