#pragma once
// When to renew: pure functions of a lease, of what happened since, and of one random draw.
#include <cstdint>
#include <optional>

#include "core/time.h"
#include "cred/credential_source.h"

namespace cred {

/// The windows of a lease. Everything is in proportion to the real lifetime.
enum class Freshness : std::uint8_t {
  Fresh,
  Advisory,   ///< from 75 %: renewed in the background
  Mandatory,  ///< from 90 %: requests wait for the flight in progress
  Expired,
};

/// A long-lived lease is always fresh.
Freshness freshness(const Lease& lease, core::SteadyTime now);

/// The end of the time in which requests may be signed with the lease: a little before it expires,
/// so that none is sent with an expired token because a thread was scheduled late.
core::SteadyTime last_use(const Lease& lease);

/// What happened since the lease was obtained.
struct Renewal {
  core::SteadyTime since;  ///< when the last fetch ended, or when the program began
  int failures = 0;        ///< fetches in a row that brought nothing
  std::optional<core::Duration> retry_after;  ///< the service's wish, counted from `since`
  bool waiting = false;                       ///< a request waits for credentials
  bool refused = false;                       ///< the service refused the lease: as if expired
  double draw = 0;                            ///< chance, in [0, 1)
};

/// When to fetch next; SteadyTime::max() for a long-lived lease that works.
///
/// Without failures: at once without a usable lease, else from 75 % of the lifetime, spread over
/// 5 % of it. After failures: full jitter, 1 s doubling to 60 s (less for short leases, so that
/// several attempts fit before their end), at most 2 s while a request waits or when under 10 % of
/// the lifetime is left. Retry-After is honoured up to five minutes.
core::SteadyTime plan(const Lease* lease, const Renewal& renewal);

}  // namespace cred
