#pragma once
// What `stsfs whoami` knows, and how it says it. Pure.
#include <optional>
#include <string>

#include "app/exit_code.h"
#include "cred/caller_identity.h"
#include "cred/provider.h"

namespace app {

struct Whoami {
  cred::ProviderStatus credentials;
  std::string role;                        ///< ARN of the role of --role-arn; empty: none
  std::string session;                     ///< of that role
  std::optional<core::Duration> lifetime;  ///< whole, of the credentials; nothing: for ever
  /// As the service tells it; else why it does not.
  core::Result<cred::CallerIdentity> identity;
  core::WallTime now;
};

std::string as_text(const Whoami& who);
/// One line.
std::string as_json(const Whoami& who);

/// A key that STS itself does not take is no good to a mount either. An STS that cannot be asked
/// says nothing about the key: a mount does not need to know whose it is.
Exit exit_of(const Whoami& who);

}  // namespace app
