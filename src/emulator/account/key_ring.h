#pragma once
// Whose key this is: long-lived keys of users, temporary keys of sessions.
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "core/mutex.h"
#include "core/result.h"
#include "emulator/account/directory.h"
#include "emulator/account/principal.h"
#include "emulator/account/state_file.h"
#include "emulator/account/tokens.h"

namespace emulator {

/// Whoever holds a key.
struct Bearer {
  Principal principal;
  core::Secret secret;
  const User* user = nullptr;  ///< exactly one of user and role is set
  const Role* role = nullptr;
  TokenClaims claims;  ///< sessions only
};

enum class KeyProblem : std::uint8_t {
  Unknown,
  Inactive,         ///< the user's key is switched off
  TokenMissing,     ///< a temporary key without its token
  TokenUnexpected,  ///< a long-lived key with a token
  TokenMalformed,   ///< no token of ours
  TokenMismatch,    ///< the token of another key
  TokenExpired,
  TokenRevoked,
};

struct Issued {
  std::string access_key_id;
  core::Secret access_key_secret;
  core::Secret token;
  core::WallTime expires;
};

/// Threads: any. `directory` must outlive the ring.
class KeyRing {
 public:
  /// `data_dir` is where revocation is written down; empty: nowhere.
  KeyRing(const Directory& directory, AuthorityState state, std::string data_dir);

  [[nodiscard]] std::variant<std::shared_ptr<const Bearer>, KeyProblem> resolve(
      const std::string& access_key_id, const std::string& token, core::WallTime now) const;
  /// A temporary key of `role`, whose id looks as those of `dialect`; it is good for both.
  /// `policy` must have been parsed successfully; empty: none.
  /// Units: it ends on a whole second, never before `lifetime` is over.
  [[nodiscard]] Issued issue(const Role& role, std::string_view session, std::string_view policy,
                             core::Duration lifetime, core::WallTime now, Dialect dialect) const;
  /// Every token issued so far is void, on disk first. Errors: the system's; nothing changed then.
  core::Status revoke_all();
  using Policies = std::vector<std::shared_ptr<const Policy>>;
  /// What the role named `role` may do from now on; nothing: what the directory says.
  /// Errors: NotFound if there is no such role.
  core::Status set_policies(const std::string& role, std::optional<Policies> policies);
  /// Whether `token` is one of ours, and had ended at `when`.
  [[nodiscard]] bool has_expired(const std::string& token, core::WallTime when) const;
  [[nodiscard]] std::uint64_t generation() const { return generation_.load(); }
  [[nodiscard]] const TokenMint& mint() const { return mint_; }

 private:
  [[nodiscard]] std::shared_ptr<const Bearer> session(const std::string& token) const;
  [[nodiscard]] std::shared_ptr<const Bearer> read_session(const std::string& token) const;
  [[nodiscard]] Policies policies_of(const Role& role) const;

  const Directory& directory_;
  const std::string data_dir_;
  const TokenMint mint_;
  std::unordered_map<std::string, std::shared_ptr<const Bearer>> users_;  // by key id; fixed
  std::atomic<std::uint64_t> generation_;
  // Held while the state file is written: revocation is an administrator's act, and requests never
  // take this lock.
  core::Mutex revoke_mutex_{core::LockRank::Leaf};
  AuthorityState state_ GUARDED_BY(revoke_mutex_);
  mutable core::Mutex cache_mutex_{core::LockRank::Leaf};
  mutable std::unordered_map<std::string, std::shared_ptr<const Bearer>> sessions_
      GUARDED_BY(cache_mutex_);
  // In place of the directory's, by role name. What was read before a change is not remembered.
  std::unordered_map<std::string, Policies> policies_ GUARDED_BY(cache_mutex_);
  std::uint64_t policy_changes_ GUARDED_BY(cache_mutex_) = 0;
};

}  // namespace emulator
