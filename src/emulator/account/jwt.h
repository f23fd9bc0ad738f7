#pragma once
// Web-identity tokens: RS256-signed JWTs against a provider's published keys (JWKS).
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace emulator {

struct JwtClaims {
  std::string issuer;
  std::string subject;
  std::vector<std::string> audiences;
  core::WallTime issued;
  core::WallTime expires;
};

/// A provider's keys. Immutable; any thread.
class JsonWebKeys {
 public:
  /// {"keys": [{"kty": "RSA", "kid": …, "n": …, "e": …}]}.
  /// Errors: InvalidArgument; keys of other types are refused, because we could not use them.
  static core::Result<JsonWebKeys> parse(std::string_view document);

  /// The claims of a token that one of the keys signed; times are not judged here.
  /// Errors: Unauthenticated, saying what is wrong with the token but not repeating it.
  [[nodiscard]] core::Result<JwtClaims> verify(std::string_view token) const;

 private:
  using Key = std::shared_ptr<evp_pkey_st>;
  [[nodiscard]] bool signed_by_any(std::string_view kid, std::string_view text,
                                   std::string_view signature) const;

  std::vector<std::pair<std::string, Key>> keys_;
};

}  // namespace emulator
