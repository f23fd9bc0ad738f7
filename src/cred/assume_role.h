#pragma once
#include <memory>
#include <optional>
#include <string>

#include "cred/credential_source.h"
#include "cred/role_request.h"
#include "cred/sts_client.h"

namespace cred {

/// AssumeRole at an STS with credentials of another source.
///
/// One fetch sends one request; a second only where the first told how to do better (clock offset,
/// nonce, the caller's own token).
/// Threads: as every source; describe() any.
/// Source: STS API and AWS STS API, AssumeRole.
class AssumeRole final : public CredentialSource {
 public:
  AssumeRole(RoleRequest role, std::unique_ptr<CredentialSource> base, StsClient sts);
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] std::vector<std::string> files() const override { return base_->files(); }
  void source_changed() override;

 private:
  Fetched assume(const core::OpContext& context);
  Fetched base_lease(const core::OpContext& context);
  [[nodiscard]] StsCall call() const;

  const RoleRequest role_;
  const std::unique_ptr<CredentialSource> base_;
  const StsClient sts_;
  std::optional<Lease> base_lease_;  ///< kept only where it expires: it cost a request
};

}  // namespace cred
