#pragma once
#include <memory>
#include <optional>
#include <string>

#include "cred/answers.h"
#include "cred/credential_source.h"
#include "cred/sts_request.h"
#include "http/transport.h"

namespace cred {

/// AssumeRole at Alibaba Cloud's STS with credentials of another source.
///
/// One fetch sends one request; a second only where the first told how to do better (clock offset,
/// nonce, the caller's own token).
/// Threads: as every source; describe() any.
/// Source: STS API, AssumeRole.
class AssumeRole : public CredentialSource {
 public:
  AssumeRole(RoleRequest role, std::unique_ptr<CredentialSource> base, http::Origin endpoint,
             http::Transport& transport, ServiceClock& clock);
  AssumeRole(const AssumeRole&) = delete;
  AssumeRole& operator=(const AssumeRole&) = delete;
  ~AssumeRole() override = default;
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] std::vector<std::string> files() const override { return base_->files(); }
  void source_changed() override;

 protected:
  // How this STS speaks.
  [[nodiscard]] virtual http::Request request_for(const sign::Credentials& caller) const;
  /// The lease in an answer of status 200 to what was `sent` then.
  virtual Fetched lease_in(http::Response& answer, core::SteadyTime sent,
                           std::string_view what) const;
  [[nodiscard]] virtual StsRefusal refusal_in(const http::Response& answer,
                                              const sign::Credentials& caller) const;

  [[nodiscard]] const http::Origin& endpoint() const { return endpoint_; }
  [[nodiscard]] ServiceClock& clock() const { return clock_; }
  /// What is asked in any dialect.
  [[nodiscard]] std::vector<http::QueryParam> parameters() const;

 private:
  Fetched base_lease(const core::OpContext& context);

  const RoleRequest role_;
  const std::unique_ptr<CredentialSource> base_;
  const http::Origin endpoint_;
  http::Transport& transport_;
  ServiceClock& clock_;
  std::optional<Lease> base_lease_;  ///< kept only where it expires: it cost a request
};

}  // namespace cred
