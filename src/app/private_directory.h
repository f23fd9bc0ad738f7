#pragma once
#include <string>

#include "core/result.h"

namespace app {

/// Makes `path` and its parents where they are missing, mode 0700, and checks that the last one is
/// a directory that nobody else may write to.
/// Errors: os_error's; Denied.
core::Status make_private_directory(const std::string& path);

}  // namespace app
