#pragma once
#include "core/result.h"

namespace fuse {

/// What a program sees of a failure. docs/errno.md is this table in words.
int to_errno(core::ErrorKind kind);
inline int to_errno(const core::Error& error) { return to_errno(error.kind); }

/// A failure that an operator should hear of: the service's, the credentials' or our own, as
/// opposed to the everyday answers of a file system (no such file, not empty, …).
bool is_trouble(core::ErrorKind kind);

}  // namespace fuse
