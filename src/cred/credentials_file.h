#pragma once
#include <string>

#include "cred/credential_source.h"
#include "cred/service_clock.h"

namespace cred {

/// One section of an INI file in the manner of ~/.alibabacloud/credentials, read anew by every
/// fetch:
///
///     [default]
///     type = access_key            ; or sts; may be left out
///     access_key_id = LTAI…
///     access_key_secret = …
///     security_token = …           ; or sts_token; makes it sts
///     expiration = 2024-01-02T03:04:05Z   ; optional, for sts
///
/// Keys before the first section belong to the profile "default". A file that somebody else may
/// read is refused, as is a symbolic link in its place.
class CredentialsFile final : public CredentialSource {
 public:
  CredentialsFile(std::string path, std::string profile, ServiceClock& clock)
      : path_(std::move(path)), profile_(std::move(profile)), clock_(clock) {}
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override;

 private:
  const std::string path_;
  const std::string profile_;
  ServiceClock& clock_;
};

}  // namespace cred
