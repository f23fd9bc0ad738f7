#pragma once
#include <optional>
#include <string>

#include "cred/credential_source.h"
#include "cred/sts_request.h"
#include "http/transport.h"

namespace cred {

/// Sent as it is: what is allowed is the service's to say.
struct OidcRequest {
  std::string role_arn;
  std::string provider_arn;  ///< acs:ram::ACCOUNT-ID:oidc-provider/NAME
  std::string token_file;    ///< holds the identity token; whoever issues it replaces it in time
  std::string session_name;
  core::Duration duration{0};  ///< whole seconds are sent, rounded up; 0: the service's default
  std::string policy;          ///< session policy; empty: none
};

/// AssumeRoleWithOIDC at Alibaba Cloud's STS, as pods of a cluster do it (RRSA): not signed, the
/// identity token speaks for the caller.
///
/// The file is read anew by every fetch, symbolic links followed, since that is how it is rotated;
/// a token that was refused is sent again only if the file has another by then. A file that is
/// missing, empty, too long or no token is permanent at first, and transient once a fetch has
/// succeeded: somebody is rotating it.
/// Threads: as every source; describe() any.
/// Source: STS API, AssumeRoleWithOIDC.
class OidcRole final : public CredentialSource {
 public:
  OidcRole(OidcRequest request, http::Origin sts, http::Transport& transport, ServiceClock& clock);
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override;

 private:
  Fetched ask(const core::OpContext& context, std::string_view what);
  [[nodiscard]] http::Request request_for(const core::Secret& token) const;

  const OidcRequest request_;
  const http::Origin endpoint_;
  http::Transport& transport_;
  ServiceClock& clock_;
  bool succeeded_ = false;
};

}  // namespace cred
