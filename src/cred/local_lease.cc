#include "cred/local_lease.h"

#include "core/format.h"
#include "cred/validate.h"

namespace cred {

core::Result<Lease> local_lease(GivenCredentials given, const ServiceClock& clock) {
  TRY(validate(given.credentials));
  Lease lease;
  lease.issued = clock.own().steady_now();
  if (given.expiration) {
    const core::Duration left = *given.expiration - clock.now();
    if (left <= core::Duration{0}) {
      return core::fail(
          core::ErrorKind::Unauthenticated,
          core::format("its credentials expired at {}", core::format_iso8601(*given.expiration)));
    }
    lease.expires = lease.issued + left;
  }
  lease.credentials = std::move(given.credentials);
  return lease;
}

}  // namespace cred
