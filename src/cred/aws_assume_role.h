#pragma once
#include <memory>
#include <optional>
#include <string>

#include "cred/credential_source.h"
#include "cred/sts_request.h"
#include "http/transport.h"

namespace cred {

/// AssumeRole at AWS's STS, or one that speaks like it, with credentials of another source.
///
/// One fetch sends one request; a second only where the first told how to do better (clock offset,
/// the caller's own token).
/// Threads: as every source; describe() any.
/// Source: AWS STS API, AssumeRole.
class AwsAssumeRole final : public CredentialSource {
 public:
  AwsAssumeRole(RoleRequest role, std::unique_ptr<CredentialSource> base, http::Origin sts,
                std::string region, http::Transport& transport, ServiceClock& clock);
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] std::vector<std::string> files() const override { return base_->files(); }
  void source_changed() override;

 private:
  Fetched base_lease(const core::OpContext& context);
  [[nodiscard]] http::Request request_for(const sign::Credentials& caller) const;

  const RoleRequest role_;
  const std::unique_ptr<CredentialSource> base_;
  const http::Origin endpoint_;
  const std::string region_;
  http::Transport& transport_;
  ServiceClock& clock_;
  std::optional<Lease> base_lease_;  ///< kept only where it expires: it cost a request
};

}  // namespace cred
