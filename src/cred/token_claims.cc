#include "cred/token_claims.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "core/text.h"

namespace cred {
namespace {

using Json = nlohmann::json;

/// The text of a claim that is one, or the first of a list.
std::string text_of(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end()) {
    return {};
  }
  const Json& claim = found->is_array() && !found->empty() ? found->front() : *found;
  return claim.is_string() ? claim.get<std::string>() : std::string();
}

}  // namespace

core::Result<TokenClaims> claims_of(const core::Secret& token) {
  const auto parts = core::split(core::trim(token.reveal()), '.');
  std::string body(parts.size() == 3 ? parts[1] : std::string_view());
  // RFC 7515, section 2: base64url without padding.
  std::replace(body.begin(), body.end(), '-', '+');
  std::replace(body.begin(), body.end(), '_', '/');
  body.append((4 - body.size() % 4) % 4, '=');
  const auto text = core::base64_decode(body);
  const Json claims = Json::parse(text.value_or(""), nullptr, /*allow_exceptions=*/false);
  if (!claims.is_object()) {
    return core::fail(core::ErrorKind::InvalidArgument, "it is no JWT");
  }
  return TokenClaims{text_of(claims, "iss"), text_of(claims, "aud"), text_of(claims, "sub")};
}

}  // namespace cred
