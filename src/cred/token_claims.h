#pragma once
// What an identity provider's token says of itself.
#include <string>

#include "core/result.h"
#include "core/secret.h"

namespace cred {

struct TokenClaims {
  std::string issuer;    ///< "iss"; empty: not said
  std::string audience;  ///< "aud", the first of them
  std::string subject;   ///< "sub"
};

/// The claims of a JWT. Nothing is verified: for texts that somebody reads before they count.
/// Errors: InvalidArgument where it is no JWT; the message does not show the token.
/// Source: RFC 7519, section 4.1.
core::Result<TokenClaims> claims_of(const core::Secret& token);

}  // namespace cred
