#pragma once
#include <string>

#include "core/secret.h"
#include "cred/credential_source.h"
#include "cred/service_clock.h"
#include "http/transport.h"

namespace cred {

/// What a server asks to see in the Authorization header: what is in the file, else the token;
/// neither where both are empty.
struct UriAuthorization {
  core::Secret token;
  std::string token_file;  ///< read anew for each request: it is rotated
};

/// A server that hands credentials out to whoever asks: a sidecar, an agent of the host.
///
/// One GET; the answer is AccessKeyId, AccessKeySecret, SecurityToken and Expiration as JSON.
/// No redirect is followed. Plain http goes past every proxy, which would see the secret. An answer
/// that makes no sense is permanent at first, and transient once a fetch has succeeded.
/// Threads: as every source; describe() any.
/// Source: credentials URI of the SDKs (ALIBABA_CLOUD_CREDENTIALS_URI); AWS SDKs, "Container
///         credential provider", which spell the answer in their own way.
class CredentialsUri final : public CredentialSource {
 public:
  /// `target` is the encoded path with its query, beginning with '/'.
  CredentialsUri(http::Origin origin, std::string target, http::Transport& transport,
                 ServiceClock& clock, UriAuthorization authorization = {});
  Fetched fetch(const core::OpContext& context) override;
  /// Without the query, which may hold a password.
  [[nodiscard]] std::string describe() const override;

 private:
  Fetched ask(const core::OpContext& context);
  [[nodiscard]] core::Result<core::Secret> authorization() const;

  const http::Origin origin_;
  const std::string target_;
  http::Transport& transport_;
  ServiceClock& clock_;
  const UriAuthorization authorization_;
  bool succeeded_ = false;
};

}  // namespace cred
