#pragma once
#include <string>

#include "core/result.h"
#include "core/secret.h"

namespace cred {

/// Who besides its owner may get at a file with secrets.
enum class Readers : std::uint8_t {
  Owner,
  Group,  ///< its group may read it: 0640, as key files in /etc have it
};

/// The text of a file that holds secrets, 64 KiB at most.
///
/// It must be a regular file of this user or of root, not a symbolic link, and out of reach of
/// anybody else.
/// Errors: NotFound only where there is no such file; Denied (somebody else can get at it, or it is
///         not ours); InvalidArgument, TooLarge, os_error's. The message lacks the path.
core::Result<core::Secret> read_private_file(const std::string& path,
                                             Readers readers = Readers::Owner);

}  // namespace cred
