#pragma once
// One profile of the Alibaba Cloud CLI's config.json. Pure.
#include <string_view>

#include "core/secret.h"
#include "cred/source_spec.h"

namespace cred {

/// What the profile says. An empty `profile` means the one that the file names as "current".
///
/// Modes: AK, StsToken, RamRoleArn, ChainableRamRoleArn (through source_profile, however many
/// hops), EcsRamRole, OIDC, CredentialsURI, External; in any case. Errors: NotFound: no such
/// profile; InvalidArgument or Unsupported, naming line or profile, and
///         field; a chain of profiles that leads back to itself is InvalidArgument. No value of a
///         secret field is ever shown.
/// Source: github.com/aliyun/aliyun-cli, "config.json".
core::Result<SourceSpec> parse_cli_profile(const core::Secret& text, std::string_view profile);

}  // namespace cred
