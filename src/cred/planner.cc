#include "cred/planner.h"

#include <algorithm>

namespace cred {
namespace {

using namespace std::chrono_literals;

constexpr double kAdvisory = 0.75;
constexpr double kMandatory = 0.90;
constexpr double kSpread = 0.05;
constexpr double kInStep = 0.10;
constexpr core::Duration kShortestOfAFleet = 10min;
constexpr core::Duration kSuccessorReady = 5min;
constexpr int kOutage = 3;  // as many failures in a row are no accident
constexpr core::Duration kFirstBackoff = 1s;
constexpr core::Duration kLongestBackoff = 60s;
constexpr core::Duration kUrgentBackoff = 2s;
constexpr core::Duration kShortestPause = 20ms;  // full jitter may draw zero
constexpr core::Duration kLongestRetryAfter = 5min;
constexpr double kRetryAfterSpread = 0.5;
// Parts of a lease's life: with these, a token of six seconds has some ten attempts in its last
// quarter, one of an hour backs off from one second to a minute.
constexpr int kFirstBackoffShare = 40;
constexpr int kLongestBackoffShare = 20;

core::Duration lifetime(const Lease& lease) { return *lease.expires - lease.issued; }

core::Duration part(core::Duration whole, double share) {
  return core::Duration{
      static_cast<core::Duration::rep>(static_cast<double>(whole.count()) * share)};
}

core::Duration doubled(core::Duration base, int times, core::Duration cap) {
  while (times-- > 0 && base < cap) {
    base *= 2;
  }
  return std::min(base, cap);
}

}  // namespace

Freshness freshness(const Lease& lease, core::SteadyTime now) {
  if (!lease.expires) {
    return Freshness::Fresh;
  }
  if (now >= *lease.expires) {
    return Freshness::Expired;
  }
  const core::Duration age = now - lease.issued;
  if (age >= part(lifetime(lease), kMandatory)) {
    return Freshness::Mandatory;
  }
  return age >= part(lifetime(lease), kAdvisory) ? Freshness::Advisory : Freshness::Fresh;
}

core::SteadyTime last_use(const Lease& lease) {
  if (!lease.expires) {
    return core::SteadyTime::max();
  }
  return *lease.expires - std::min<core::Duration>(1s, lifetime(lease) / 50);
}

core::SteadyTime successor_due(const Lease& lease) {
  return lease.expires
             ? *lease.expires - std::min<core::Duration>(kSuccessorReady, lifetime(lease) / 10)
             : core::SteadyTime::max();
}

Renewal succeeded(const Renewal& before, bool first, core::SteadyTime now, double draw) {
  Renewal renewal;
  renewal.since = now;
  renewal.in_step = first || before.refused || before.failures - before.unchanged >= kOutage;
  renewal.draw = draw;
  return renewal;
}

Renewal still_the_same(const Renewal& before, core::SteadyTime now, double draw) {
  Renewal renewal = failed(before, std::nullopt, now, draw);
  ++renewal.unchanged;
  return renewal;
}

Renewal failed(const Renewal& before, std::optional<core::Duration> retry_after,
               core::SteadyTime now, double draw) {
  Renewal renewal = before;
  renewal.since = now;
  ++renewal.failures;
  renewal.retry_after = retry_after;
  renewal.draw = draw;
  return renewal;
}

core::SteadyTime plan(const Lease* lease, const Renewal& renewal) {
  const bool expires = lease != nullptr && lease->expires.has_value();
  if (renewal.failures == 0) {
    if (lease == nullptr || renewal.refused) {
      return renewal.since;
    }
    if (!expires) {
      return core::SteadyTime::max();
    }
    const core::Duration life = lifetime(*lease);
    const double latest = kAdvisory + kSpread;
    const double earliest = renewal.in_step && life >= kShortestOfAFleet ? kInStep : kAdvisory;
    return lease->issued + part(life, earliest + (latest - earliest) * renewal.draw);
  }

  const core::Duration base =
      expires ? std::min<core::Duration>(kFirstBackoff, lifetime(*lease) / kFirstBackoffShare)
              : kFirstBackoff;
  const bool serving = expires && !renewal.refused && renewal.since < last_use(*lease);
  const core::Duration cap =
      serving ? std::min<core::Duration>(kLongestBackoff, lifetime(*lease) / kLongestBackoffShare)
              : kLongestBackoff;
  const auto pause = [&](core::Duration bound) {
    return std::max<core::Duration>(kShortestPause,
                                    part(doubled(base, renewal.failures - 1, bound), renewal.draw));
  };
  const core::Duration urgent = std::min(cap, kUrgentBackoff);
  core::SteadyTime at = renewal.since + pause(renewal.waiting ? urgent : cap);
  if (serving) {
    const core::SteadyTime mandatory = lease->issued + part(lifetime(*lease), kMandatory);
    at = std::min(at, std::max(renewal.since, mandatory) + pause(urgent));
  }
  if (renewal.retry_after) {
    const core::Duration asked = std::min(*renewal.retry_after, kLongestRetryAfter);
    core::Duration spread = part(asked, kRetryAfterSpread);
    if (serving) {  // not past the end of what there is
      spread = std::min(spread, (last_use(*lease) - (renewal.since + asked)) / 2);
    }
    at = std::max(at, renewal.since + asked + part(std::max(spread, base), renewal.draw));
  }
  return at;
}

}  // namespace cred
