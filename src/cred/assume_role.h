#pragma once
#include <memory>
#include <optional>
#include <string>

#include "cred/credential_source.h"
#include "cred/service_clock.h"
#include "http/transport.h"

namespace cred {

/// Sent as it is: what is allowed is the service's to say.
struct RoleRequest {
  std::string role_arn;
  std::string session_name;
  core::Duration duration{0};  ///< whole seconds are sent, rounded up; 0: the service's default
  std::string policy;          ///< session policy; empty: none
  std::string external_id;     ///< empty: none
};

/// AssumeRole at Alibaba Cloud's STS with credentials of another source.
///
/// One fetch sends one request; a second only where the first told how to do better (clock offset,
/// nonce, the caller's own token). The lifetime is Expiration minus the answer's Date, counted on
/// the steady clock from when the request was sent; a second is taken off, because both are whole
/// seconds of a clock that runs between them.
/// Threads: as every source; describe() any.
/// Source: STS API, AssumeRole; "RPC signature mechanism".
class AssumeRole final : public CredentialSource {
 public:
  AssumeRole(RoleRequest role, std::unique_ptr<CredentialSource> base, http::Origin endpoint,
             http::Transport& transport, ServiceClock& clock);
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override;

 private:
  struct Refusal;

  Fetched base_lease(const core::OpContext& context);
  [[nodiscard]] http::Request request_for(const sign::Credentials& caller) const;
  Fetched accept(http::Response& answer, core::SteadyTime sent) const;
  [[nodiscard]] Refusal read_refusal(const http::Response& answer,
                                     const sign::Credentials& caller) const;

  const RoleRequest role_;
  const std::unique_ptr<CredentialSource> base_;
  const http::Origin endpoint_;
  http::Transport& transport_;
  ServiceClock& clock_;
  std::optional<Lease> base_lease_;  ///< kept only where it expires: it cost a request
};

}  // namespace cred
