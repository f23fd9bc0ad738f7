#pragma once
#include "core/result.h"
#include "core/secret.h"

namespace cred {

/// What is left to read of a file, 64 KiB at most. Errors: TooLarge; os_error's.
core::Result<core::Secret> read_small_file(int fd);

}  // namespace cred
