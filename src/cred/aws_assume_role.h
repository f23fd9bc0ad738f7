#pragma once
#include <string>

#include "cred/assume_role.h"

namespace cred {

/// AssumeRole at AWS's STS, or one that speaks like it: the same conversation in other words.
/// Threads: as every source; describe() any.
/// Source: AWS STS API, AssumeRole.
class AwsAssumeRole final : public AssumeRole {
 public:
  AwsAssumeRole(RoleRequest role, std::unique_ptr<CredentialSource> base, http::Origin sts,
                std::string region, http::Transport& transport, ServiceClock& clock)
      : AssumeRole(std::move(role), std::move(base), std::move(sts), transport, clock),
        region_(std::move(region)) {}

 protected:
  [[nodiscard]] http::Request request_for(const sign::Credentials& caller) const override;
  Fetched lease_in(http::Response& answer, core::SteadyTime sent,
                   std::string_view what) const override;
  [[nodiscard]] StsRefusal refusal_in(const http::Response& answer,
                                      const sign::Credentials& caller) const override;

 private:
  const std::string region_;
};

}  // namespace cred
