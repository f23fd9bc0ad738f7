#include "cred/succession.h"

#include "core/format.h"
#include "cred/failure.h"
#include "cred/planner.h"

namespace cred {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;

/// Whoever tells the same end twice may round it in another way.
constexpr core::Duration kRounding = 1s;

bool same(const sign::Credentials& a, const sign::Credentials& b) {
  return a.access_key_id == b.access_key_id && a.access_key_secret == b.access_key_secret &&
         a.token == b.token;
}

bool lives_longer(const Lease& lease, const Lease& held) {
  return held.expires && (!lease.expires || *lease.expires > *held.expires + kRounding);
}

}  // namespace

bool no_news(const Fetched& fetched, const Lease& held, core::SteadyTime now) {
  if (!fetched || !same(held.credentials, fetched->credentials) ||
      fetched->expires.has_value() != held.expires.has_value()) {
    return false;
  }
  return !held.expires || (!lives_longer(*fetched, held) && now < successor_due(held));
}

Fetched as_successor(Fetched fetched, const Lease* held, bool refused, core::SteadyTime now,
                     const std::string& source) {
  if (!fetched) {
    return fetched;
  }
  if (freshness(*fetched, now) == Freshness::Expired) {
    return transient(
        core::fail(ErrorKind::Unauthenticated, source + " gave credentials that have expired"));
  }
  if (held == nullptr || !same(held->credentials, fetched->credentials) ||
      (!refused && lives_longer(*fetched, *held))) {
    return fetched;
  }
  if (fetched->expires) {
    return transient(
        core::fail(ErrorKind::Unauthenticated, source + " has no newer credentials yet"));
  }
  const std::string& id = fetched->credentials.access_key_id;
  if (fetched->credentials.temporary()) {
    return permanent(core::fail(
        ErrorKind::Unauthenticated,
        core::format("the service refused the security token of {}, and {} has no other: it has "
                     "probably expired",
                     id, source),
        core::Reason::TokenSpent));
  }
  return permanent(
      core::fail(ErrorKind::Denied, core::format("the service refused the access key {}, and {} "
                                                 "has no other: check the id and its secret",
                                                 id, source)));
}

}  // namespace cred
