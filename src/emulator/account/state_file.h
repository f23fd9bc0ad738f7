#pragma once
// What the authority must not forget when it is killed.
#include <cstdint>
#include <string>

#include "core/result.h"
#include "core/secret.h"

namespace emulator {

/// The base user's key pair, the key behind all tokens, and the generation of revocation.
struct AuthorityState {
  std::string access_key_id;
  core::Secret access_key_secret;
  core::Secret server_key;
  std::uint64_t generation = 0;
};

/// A fresh one: unguessable keys.
AuthorityState new_authority_state();

/// `data_dir`/authority.json, created (mode 0600, and the folder too) if it is not there.
/// Errors: the system's; Corrupt for a file that is not ours.
core::Result<AuthorityState> load_or_create_state(const std::string& data_dir);

/// Replaces the file by rename, so that a kill leaves the old one or the new one.
core::Status save_state(const std::string& data_dir, const AuthorityState& state);

}  // namespace emulator
