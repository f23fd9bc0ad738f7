#pragma once
// One builder for each way in which a fetch can fail.
#include <string>
#include <utility>

#include "cred/credential_source.h"

namespace cred {

inline Fetched not_configured(std::string why) {
  return tl::unexpected(FetchFailure{FetchFailure::Class::NotConfigured,
                                     core::fail(core::ErrorKind::Unauthenticated, std::move(why)),
                                     std::nullopt});
}
inline Fetched permanent(core::Error error) {
  return tl::unexpected(
      FetchFailure{FetchFailure::Class::Permanent, std::move(error), std::nullopt});
}
/// What lies on this machine cannot be used: neither a service nor the network is to blame.
inline Fetched unusable(core::Error error) {
  error.kind = core::ErrorKind::Unauthenticated;
  return permanent(std::move(error));
}
inline Fetched transient(core::Error error,
                         std::optional<core::Duration> retry_after = std::nullopt) {
  return tl::unexpected(
      FetchFailure{FetchFailure::Class::Transient, std::move(error), retry_after});
}

}  // namespace cred
