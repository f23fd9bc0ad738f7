#pragma once
#include "core/result.h"
#include "sign/credentials.h"

namespace cred {

/// Refuses what could not be sent in a header, or only with a hole in it: line breaks, control
/// characters, absurd sizes. A newline at the end of a variable or a file is the usual reason.
/// Errors: InvalidArgument; the message names the part, never its value.
core::Status validate(const sign::Credentials& credentials);

}  // namespace cred
