#pragma once
#include <string>

#include "core/secret.h"

namespace sign {

/// What a request is signed with. `token` is empty for a long-lived key.
struct Credentials {
  std::string access_key_id;
  core::Secret access_key_secret;
  core::Secret token;

  [[nodiscard]] bool anonymous() const { return access_key_id.empty(); }
  [[nodiscard]] bool temporary() const { return !token.empty(); }
};

}  // namespace sign
