#pragma once
#include "cred/oidc_role.h"

namespace cred {

/// AssumeRoleWithWebIdentity at AWS's STS, or one that speaks like it: the same conversation in
/// other words.
/// Threads: as every source; describe() any.
/// Source: AWS STS API, AssumeRoleWithWebIdentity.
class AwsOidcRole final : public OidcRole {
 public:
  using OidcRole::OidcRole;

 protected:
  [[nodiscard]] std::string_view action() const override { return "AssumeRoleWithWebIdentity"; }
  [[nodiscard]] http::Request request_for(const core::Secret& token) const override;
  Fetched lease_in(http::Response& answer, core::SteadyTime sent,
                   std::string_view what) const override;
  [[nodiscard]] StsRefusal refusal_in(const http::Response& answer,
                                      const core::Secret& token) const override;
  [[nodiscard]] bool blames_token(const StsVerdict& verdict) const override;
};

}  // namespace cred
