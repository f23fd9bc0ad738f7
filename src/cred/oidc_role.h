#pragma once
#include <string>

#include "cred/credential_source.h"
#include "cred/role_request.h"
#include "cred/sts_client.h"

namespace cred {

/// A role assumed with an identity token, as pods of a cluster do it (RRSA, IRSA): not signed, the
/// token speaks for the caller.
///
/// The file is read anew by every fetch, symbolic links followed, since that is how it is rotated;
/// a token that was refused is sent again only if the file has another by then. What is wrong with
/// the file, or with its token, is permanent at first, and transient once a fetch has succeeded:
/// somebody is rotating it.
/// Threads: as every source; describe() any.
/// Source: STS API, AssumeRoleWithOIDC; AWS STS API, AssumeRoleWithWebIdentity.
class OidcRole final : public CredentialSource {
 public:
  OidcRole(OidcRequest request, StsClient sts);
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override;

 private:
  [[nodiscard]] Fetched exchange(const core::OpContext& context) const;
  [[nodiscard]] StsCall call_with(const core::Secret& token) const;
  /// True where another token may do.
  [[nodiscard]] bool blames_token(const StsVerdict& verdict) const;

  const OidcRequest request_;
  const StsClient sts_;
  bool succeeded_ = false;
};

}  // namespace cred
