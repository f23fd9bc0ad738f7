#pragma once
#include <optional>
#include <string>

#include "cred/answers.h"
#include "cred/credential_source.h"
#include "cred/sts_request.h"
#include "http/transport.h"

namespace cred {

/// Sent as it is: what is allowed is the service's to say.
struct OidcRequest {
  std::string role_arn;
  std::string provider_arn;  ///< acs:ram::ACCOUNT-ID:oidc-provider/NAME; AWS knows it by the token
  std::string token_file;    ///< holds the identity token; whoever issues it replaces it in time
  std::string session_name;
  core::Duration duration{0};  ///< whole seconds are sent, rounded up; 0: the service's default
  std::string policy;          ///< session policy; empty: none
};

/// AssumeRoleWithOIDC at Alibaba Cloud's STS, as pods of a cluster do it (RRSA): not signed, the
/// identity token speaks for the caller.
///
/// The file is read anew by every fetch, symbolic links followed, since that is how it is rotated;
/// a token that was refused is sent again only if the file has another by then. What is wrong with
/// the file, or with its token, is permanent at first, and transient once a fetch has succeeded:
/// somebody is rotating it.
/// Threads: as every source; describe() any.
/// Source: STS API, AssumeRoleWithOIDC.
class OidcRole : public CredentialSource {
 public:
  OidcRole(OidcRequest request, http::Origin sts, http::Transport& transport, ServiceClock& clock);
  OidcRole(const OidcRole&) = delete;
  OidcRole& operator=(const OidcRole&) = delete;
  ~OidcRole() override = default;
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override;

 protected:
  // How this STS speaks.
  [[nodiscard]] virtual std::string_view action() const { return "AssumeRoleWithOIDC"; }
  [[nodiscard]] virtual http::Request request_for(const core::Secret& token) const;
  /// The lease in an answer of status 200 to what was `sent` then.
  virtual Fetched lease_in(http::Response& answer, core::SteadyTime sent,
                           std::string_view what) const;
  [[nodiscard]] virtual StsRefusal refusal_in(const http::Response& answer,
                                              const core::Secret& token) const;
  /// True where another token may do.
  [[nodiscard]] virtual bool blames_token(const StsVerdict& verdict) const {
    return verdict.reaction == StsReaction::RereadBase;
  }

  [[nodiscard]] const http::Origin& endpoint() const { return endpoint_; }
  [[nodiscard]] ServiceClock& clock() const { return clock_; }
  /// What is asked in any dialect.
  [[nodiscard]] std::vector<http::QueryParam> parameters() const;

 private:
  Fetched ask(const core::OpContext& context, std::string_view what);

  const OidcRequest request_;
  const http::Origin endpoint_;
  http::Transport& transport_;
  ServiceClock& clock_;
  bool succeeded_ = false;
};

}  // namespace cred
