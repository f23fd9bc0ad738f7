#pragma once
#include <string>

#include "cred/credential_source.h"
#include "cred/service_clock.h"
#include "http/transport.h"

namespace cred {

/// Sent as it is: what is allowed is the service's to say.
struct WebIdentityRequest {
  std::string role_arn;
  std::string token_file;  ///< holds the identity token; whoever issues it replaces it in time
  std::string session_name;
  core::Duration duration{0};  ///< whole seconds are sent, rounded up; 0: the service's default
  std::string policy;          ///< session policy; empty: none
};

/// AssumeRoleWithWebIdentity at AWS's STS, or one that speaks like it: not signed, the identity
/// token speaks for the caller.
///
/// The file is read anew by every fetch, symbolic links followed, since that is how it is rotated;
/// a token that was refused is sent again only if the file has another by then. What is wrong with
/// the file, or with its token, is permanent at first, and transient once a fetch has succeeded:
/// somebody is rotating it.
/// Threads: as every source; describe() any.
/// Source: AWS STS API, AssumeRoleWithWebIdentity.
class AwsWebIdentity final : public CredentialSource {
 public:
  AwsWebIdentity(WebIdentityRequest request, http::Origin sts, http::Transport& transport,
                 ServiceClock& clock);
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override;

 private:
  Fetched ask(const core::OpContext& context, std::string_view what);

  const WebIdentityRequest request_;
  const http::Origin endpoint_;
  http::Transport& transport_;
  ServiceClock& clock_;
  bool succeeded_ = false;
};

}  // namespace cred
