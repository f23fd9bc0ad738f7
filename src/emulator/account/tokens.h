#pragma once
// Security tokens that carry their own claims, so that they outlive the process that issued them
// without a database: whoever has the server key can read them and derive their secrets.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/secret.h"
#include "core/time.h"
#include "emulator/wire/message.h"

namespace emulator {

struct TokenClaims {
  std::string access_key_id;     ///< "STS.…", or "ASIA…" of the S3 dialect
  std::string role;              ///< the role's name
  std::string session;           ///< RoleSessionName
  core::WallTime expires;        ///< whole seconds
  std::uint64_t generation = 0;  ///< of revocation: older ones are void
  std::string policy;            ///< the session's, as given; empty: none
};

/// Threads: any.
class TokenMint {
 public:
  explicit TokenMint(core::Secret server_key) : key_(std::move(server_key)) {}

  /// A fresh id, as the dialect's own service makes them.
  static std::string new_access_key_id(Dialect dialect);
  /// Whether ids of this form belong to temporary keys.
  static bool is_temporary(std::string_view access_key_id);
  /// The secret that belongs to an id.
  [[nodiscard]] core::Secret secret_of(std::string_view access_key_id) const;
  /// URL-safe characters only.
  [[nodiscard]] std::string write(const TokenClaims& claims) const;
  /// Nothing unless this mint (or one with the same key) wrote exactly these bytes.
  [[nodiscard]] std::optional<TokenClaims> read(std::string_view token) const;
  /// Authenticates a small text of another kind, e.g. the metadata server's session tokens.
  [[nodiscard]] std::string stamp(std::string_view purpose, std::string_view text) const;

 private:
  core::Secret key_;
};

}  // namespace emulator
