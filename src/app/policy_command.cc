#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/location.h"
#include "app/object_settings.h"
#include "core/format.h"
#include "cred/identity_token.h"
#include "cred/token_claims.h"
#include "options/usage.h"
#include "policy/documents.h"

namespace app {
namespace {

core::Result<std::string> policy_asked_for(const options::Values& values) {
  constexpr std::array kWhose = {"role", "session", "user", "trust"};
  if (std::count_if(kWhose.begin(), kWhose.end(), [&](auto name) { return values.flag(name); }) >
      1) {
    return options::usage("one document at a time: --role, --session, --user or --trust");
  }
  const std::string role_arn = values.text("role-arn");
  if (values.flag("user") || values.flag("trust")) {
    if (role_arn.empty()) {
      return options::usage("--user and --trust are about a role: --role-arn ARN");
    }
    if (values.flag("user")) {
      return policy::user_policy(role_arn);
    }
    const std::string provider = values.text("oidc-provider-arn");
    if (provider.empty()) {
      return policy::trust_policy(role_arn, values.text("external-id"));
    }
    if (values.given("external-id")) {
      return options::usage(
          "--external-id is no part of what an identity provider's token is exchanged for");
    }
    cred::TokenClaims claims;
    if (const std::string file = values.text("oidc-token-file"); !file.empty()) {
      TRY_ASSIGN(const core::Secret token, cred::read_identity_token(file));
      auto known = cred::claims_of(token);
      if (!known) {
        return options::usage(
            core::format("--oidc-token-file {}: {}", file, known.error().message));
      }
      claims = *std::move(known);
    }
    return policy::trust_policy(role_arn, provider, claims);
  }
  if (values.text("source").empty()) {
    return options::usage("for which bucket? stsfs policy oss://BUCKET[/PREFIX]");
  }
  TRY_ASSIGN(const Location location, parse_location(values.text("source")));
  const policy::Rights rights = rights_of(values);
  if (values.flag("session")) {
    return policy::as_session_policy(policy::location_policy(
        location.grammar(), location.bucket, location.prefix, rights, policy::Layout::Compact));
  }
  return policy::location_policy(location.grammar(), location.bucket, location.prefix, rights,
                                 policy::Layout::Indented);
}

}  // namespace

int run_policy(const options::Values& values, const options::Environment& /*environment*/) {
  const auto policy = policy_asked_for(values);
  if (!policy) {
    return refuse(Exit::Usage, policy.error());
  }
  std::fputs((*policy + '\n').c_str(), stdout);
  return static_cast<int>(Exit::Ok);
}

}  // namespace app
