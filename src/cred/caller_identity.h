#pragma once
#include <string>

#include "core/op_context.h"
#include "cred/sts_client.h"
#include "sign/credentials.h"

namespace cred {

/// Who an ARN names: "acs:ram::1:assumed-role/reader/host", "arn:aws:iam::1:user/team/alice".
struct Principal {
  std::string kind;     ///< "role", "user", "account"; another service's word as it is
  std::string name;     ///< of the role or user; its path included
  std::string session;  ///< of a role
};
/// Pure. All empty for what is no ARN.
Principal principal_of(std::string_view arn);

/// Asks STS once, and once more where its answer told how far our clock is off. Any key may ask: it
/// needs no right.
/// Errors: Unauthenticated, with the service's code, where STS does not take the key; Unsupported
///         where it does not offer the call; Unavailable, Throttled, Timeout; Protocol for an
///         answer that makes no sense.
/// Source: STS API, GetCallerIdentity; AWS STS API, GetCallerIdentity.
core::Result<CallerIdentity> caller_identity(const core::OpContext& context, const StsClient& sts,
                                             const sign::Credentials& credentials);

}  // namespace cred
