#pragma once
#include <string>

#include "cred/credential_source.h"
#include "cred/service_clock.h"

namespace cred {

/// What the files of a directory with credentials are called. The token's and the expiration's may
/// be missing; a name may be empty, then it is not looked for.
struct KeyFileNames {
  std::string access_key_id;
  std::string access_key_secret;
  std::string security_token;
  std::string expiration;
};
/// As Kubernetes' drivers write them.
inline const KeyFileNames kTripleNames = {"AccessKeyId", "AccessKeySecret", "SecurityToken",
                                          "Expiration"};
/// As systemd's LoadCredential= puts them where $CREDENTIALS_DIRECTORY says.
inline const KeyFileNames kServiceNames = {"access-key-id", "access-key-secret", "security-token",
                                           "expiration"};

/// Credentials in files of their own that somebody rotates, read anew by every fetch.
///
/// Whoever rotates them swaps a symbolic link: the directory itself, or "..data" in it, as
/// Kubernetes does. All files are read from one directory, and read again if the link was swapped
/// meanwhile, so that two generations never mix. Files that others may write are refused; that
/// others may read them is logged, since drivers leave it to the directories above.
/// Without a key id in it the directory is not configured.
class KeyDirectory final : public CredentialSource {
 public:
  KeyDirectory(std::string path, KeyFileNames names, ServiceClock& clock)
      : path_(std::move(path)), names_(std::move(names)), clock_(clock) {}
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override { return "directory " + path_; }
  [[nodiscard]] std::vector<std::string> files() const override;

 private:
  const std::string path_;
  const KeyFileNames names_;
  ServiceClock& clock_;
  bool warned_ = false;
};

}  // namespace cred
