#pragma once
// One section of an INI file of credentials, ours (~/.alibabacloud/credentials) or AWS's. Pure.
#include <string_view>

#include "core/secret.h"
#include "cred/source_spec.h"

namespace cred {

/// What the section `profile` says:
///
///     [default]
///     type = access_key            ; or sts; may be left out
///     access_key_id = LTAI…
///     access_key_secret = …
///     security_token = …           ; or sts_token; makes it sts
///     expiration = 2024-01-02T03:04:05Z   ; optional, for sts
///
/// Types: access_key, sts, ram_role_arn (role_arn, role_session_name, policy, external_id,
/// duration_seconds), oidc_role_arn (oidc_provider_arn, oidc_token_file), ecs_ram_role (role_name),
/// credentials_uri (credentials_uri), credential_process (credential_process). AWS's names of the
/// key pair are read as well. Keys before the first section belong to the profile "default"; a
/// section with "enable = false" is as if it were not there.
/// Errors: NotFound: no such section; InvalidArgument or Unsupported, naming line and field. No
///         value of a secret field is ever shown.
/// Source: credentials-go and credentials-python, "credentials file".
core::Result<SourceSpec> parse_ini_profile(const core::Secret& text, std::string_view profile);

}  // namespace cred
