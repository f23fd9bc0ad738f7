#pragma once
#include "core/result.h"
#include "cred/credential_source.h"
#include "cred/credentials_json.h"
#include "cred/service_clock.h"

namespace cred {

/// The lease of credentials that nobody dated: read from a file, printed by a program. Their life
/// is counted from our idea of the service's clock. No expiration: long-lived.
/// Errors: InvalidArgument for what could not be sent; Unauthenticated where they have expired.
core::Result<Lease> local_lease(GivenCredentials given, const ServiceClock& clock);

}  // namespace cred
