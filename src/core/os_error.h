#pragma once
#include <string_view>

#include "core/result.h"

namespace core {

/// The failure of a local system call as a value: "context: strerror".
/// ENOSPC and EDQUOT become NoSpace, EACCES Denied, ENOENT NotFound, and so on; the rest is Io.
Error os_error(int errnum, std::string_view context);

}  // namespace core
