#pragma once
// Who a web-identity token speaks for.
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "emulator/account/directory.h"
#include "emulator/account/jwt.h"
#include "emulator/wire/message.h"

namespace emulator {

struct OidcIdentity {
  JwtClaims claims;            ///< empty for a token that is accepted as it is
  ConditionValues conditions;  ///< oidc:iss, oidc:sub, oidc:aud
};

/// Errors: EntityNotExist.OIDCProvider 404; AuthenticationFail.OIDCToken.Expired or .Invalid 400.
std::variant<OidcIdentity, ServiceError> verify_oidc_token(const Directory& directory,
                                                           std::string_view provider_arn,
                                                           std::string_view token,
                                                           core::WallTime now);

/// The same where the caller names no provider: the one that signed the token.
/// Errors: as above, of whichever provider came closest.
std::variant<std::pair<const OidcProvider*, OidcIdentity>, ServiceError> find_oidc_identity(
    const Directory& directory, std::string_view token, core::WallTime now);

/// The answer's OIDCTokenInfo.
nlohmann::ordered_json describe_oidc(const OidcIdentity& identity, core::WallTime now);

}  // namespace emulator
