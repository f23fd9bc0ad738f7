#pragma once
// What somebody asks STS for, as values. Sent as they are: what is allowed is the service's to say.
#include <string>

#include "core/time.h"

namespace cred {

/// What every way to assume a role says.
struct RoleTerms {
  std::string role_arn;
  std::string session_name;
  core::Duration duration{0};  ///< whole seconds are sent, rounded up; 0: the service's default
  std::string policy;          ///< session policy; empty: none
};

/// A role for somebody who has credentials.
struct RoleRequest : RoleTerms {
  std::string external_id;  ///< empty: none
};

/// A role for whoever holds an identity token.
struct OidcRequest : RoleTerms {
  std::string provider_arn;  ///< acs:ram::ACCOUNT-ID:oidc-provider/NAME; AWS knows it by the token
  std::string token_file;    ///< holds the identity token; whoever issues it replaces it in time
};

}  // namespace cred
