#pragma once
#include <string>

#include "core/result.h"
#include "core/secret.h"

namespace cred {

/// The identity token in the file at `path`, which may be a symbolic link; blanks and line breaks
/// around it are taken off.
/// Errors: those of reading; InvalidArgument, TooLarge for what is no token.
/// Source: STS API, AssumeRoleWithOIDC, OIDCToken; AWS STS API, WebIdentityToken.
core::Result<core::Secret> read_identity_token(const std::string& path);

}  // namespace cred
