#include "emulator/account/oidc.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace emulator {
namespace {

ServiceError invalid(std::string message) {
  return {400,
          "AuthenticationFail.OIDCToken.Invalid",
          "This OIDC Token is invalid: " + std::move(message) + ".",
          {},
          {}};
}

}  // namespace

std::variant<OidcIdentity, ServiceError> verify_oidc_token(const Directory& directory,
                                                           std::string_view provider_arn,
                                                           std::string_view token,
                                                           core::WallTime now) {
  const OidcProvider* provider = directory.provider(provider_arn);
  if (provider == nullptr) {
    return ServiceError{
        404, "EntityNotExist.OIDCProvider", "The specified OIDC Provider not exists.", {}, {}};
  }
  auto verified = provider->keys.verify(token);
  if (!verified) {
    return invalid(verified.error().message);
  }
  OidcIdentity identity{*std::move(verified), {}};
  const JwtClaims& claims = identity.claims;
  if (now >= claims.expires) {
    return ServiceError{
        400, "AuthenticationFail.OIDCToken.Expired", "This OIDC Token is expired.", {}, {}};
  }
  if (claims.issuer != provider->issuer) {
    return invalid("its issuer is not the provider's");
  }
  const auto known = [provider](const std::string& audience) {
    return std::find(provider->client_ids.begin(), provider->client_ids.end(), audience) !=
           provider->client_ids.end();
  };
  if (!provider->client_ids.empty() &&
      std::none_of(claims.audiences.begin(), claims.audiences.end(), known)) {
    return invalid("its audience is not among the provider's client ids");
  }
  identity.conditions = {{"oidc:iss", claims.issuer}, {"oidc:sub", claims.subject}};
  for (const auto& audience : claims.audiences) {
    identity.conditions.emplace_back("oidc:aud", audience);
  }
  return identity;
}

std::variant<std::pair<const OidcProvider*, OidcIdentity>, ServiceError> find_oidc_identity(
    const Directory& directory, std::string_view token, core::WallTime now) {
  ServiceError closest{
      404, "EntityNotExist.OIDCProvider", "No identity provider is known to this account.", {}, {}};
  for (const OidcProvider& provider : directory.providers) {
    auto verified = verify_oidc_token(directory, provider.arn, token, now);
    if (auto* identity = std::get_if<OidcIdentity>(&verified)) {
      return std::pair(&provider, std::move(*identity));
    }
    auto& error = std::get<ServiceError>(verified);
    if (closest.code != "AuthenticationFail.OIDCToken.Expired") {
      closest = std::move(error);
    }
  }
  return closest;
}

nlohmann::ordered_json describe_oidc(const OidcIdentity& identity, core::WallTime now) {
  const JwtClaims& claims = identity.claims;
  std::string audiences;
  for (const auto& audience : claims.audiences) {
    audiences.append(audiences.empty() ? "" : ",").append(audience);
  }
  nlohmann::ordered_json info;
  info["ClientIds"] = audiences;
  info["ExpirationTime"] = core::format_iso8601(std::max(claims.expires, now));
  info["IssuanceTime"] = core::format_iso8601(claims.issued);
  info["Issuer"] = claims.issuer;
  info["Subject"] = claims.subject;
  info["VerificationInfo"] = "Success";
  return info;
}

}  // namespace emulator
