#pragma once
// Users, roles and identity providers of the emulator's one account.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/secret.h"
#include "core/time.h"
#include "emulator/account/authority_options.h"
#include "emulator/account/jwt.h"
#include "emulator/account/policy.h"
#include "emulator/account/state_file.h"
#include "emulator/account/trust.h"

namespace emulator {

struct User {
  std::string name;
  std::string arn;  ///< acs:ram::ACCOUNT:user/NAME
  std::string access_key_id;
  core::Secret access_key_secret;
  bool active = true;
  std::shared_ptr<const Grants> grants;
};

struct Role {
  std::string name;
  std::string arn;  ///< acs:ram::ACCOUNT:role/NAME
  std::string id;   ///< 18 digits, the same in every run
  core::Duration max_duration = std::chrono::hours{1};
  TrustPolicy trust;
  std::vector<std::shared_ptr<const Policy>> policies;
};

struct OidcProvider {
  std::string name;
  std::string arn;  ///< acs:ram::ACCOUNT:oidc-provider/NAME
  std::string issuer;
  std::vector<std::string> client_ids;  ///< audiences; empty: any
  JsonWebKeys keys;
};

/// Immutable once loaded; any thread.
struct Directory {
  Place place;
  std::vector<std::string> buckets;  ///< to begin with
  std::vector<User> users;           ///< the base user is the first
  std::vector<Role> roles;           ///< the full role is the first, the seed role the second
  std::vector<OidcProvider> providers;
  std::string ecs_role;         ///< the role that the metadata server hands out
  core::Duration ecs_lifetime;  ///< of the credentials that it hands out
  bool any_region = false;      ///< V4 scopes of other regions count too

  /// The base user (all rights), the full role, the seed role, and what the config file adds.
  /// Errors: InvalidArgument naming file and entry; NotFound.
  static core::Result<Directory> load(const AuthorityOptions& options, const AuthorityState& state);

  [[nodiscard]] const User& base_user() const { return users.front(); }
  [[nodiscard]] const Role& full_role() const { return roles[0]; }
  [[nodiscard]] const Role& seed_role() const { return roles[1]; }
  /// Null if there is none.
  [[nodiscard]] const User* user_by_key(std::string_view access_key_id) const;
  [[nodiscard]] const Role* role(std::string_view name) const;
  [[nodiscard]] const OidcProvider* provider(std::string_view arn) const;
};

/// 18 digits that follow from `name`.
std::string stable_id(std::string_view name);

}  // namespace emulator
