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

/// The moment from which on it is trouble that whoever issues such leases has no other yet: their
/// successors lie ready five minutes before the end at the latest, or a tenth of a shorter life.
/// Source: "IAM roles for Amazon EC2", which promises these five minutes.
core::SteadyTime successor_due(const Lease& lease);

/// What happened since the lease was obtained.
struct Renewal {
  core::SteadyTime since;  ///< when the last fetch ended, or when the program began
  int failures = 0;        ///< fetches in a row that brought nothing
  int unchanged = 0;  ///< of these, those that brought what we hold, before its successor is due
  std::optional<core::Duration> retry_after;  ///< the service's wish, counted from `since`
  bool waiting = false;                       ///< a request waits for credentials
  bool refused = false;                       ///< the service refused the lease: as if expired
  bool in_step = false;  ///< the lease came when many others probably fetched theirs as well
  double draw = 0;       ///< chance, in [0, 1)
};

/// What is known once a fetch has brought a lease, `first` of the program's life or not. Leases are
/// fetched in step by all mounts of a fleet when it starts, after an outage (three failures and
/// more), and when the service has revoked what it had issued.
Renewal succeeded(const Renewal& before, bool first, core::SteadyTime now, double draw);
/// What is known once a fetch has brought what we hold: the next one follows as after a failure.
Renewal still_the_same(const Renewal& before, core::SteadyTime now, double draw);
/// What is known once a fetch has brought nothing.
Renewal failed(const Renewal& before, std::optional<core::Duration> retry_after,
               core::SteadyTime now, double draw);

/// When to fetch next; SteadyTime::max() for a long-lived lease that works.
///
/// Without failures: at once without a usable lease, else from 75 % of the lifetime, spread over
/// 5 % of it; a lease that was fetched in step with others from 10 % on, spread over 70 %, so that
/// they fall out of step (only above ten minutes: no fleet lives on shorter ones). After failures:
/// full jitter, 1 s doubling to 60 s (less for short leases, so that several attempts fit before
/// their end), at most 2 s while a request waits or when under 10 % of the lifetime is left.
/// Retry-After is honoured up to five minutes, and spread over its half again, since everybody was
/// told the same moment; docs/decisions/0012 says why.
core::SteadyTime plan(const Lease* lease, const Renewal& renewal);

}  // namespace cred
