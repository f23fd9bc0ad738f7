#pragma once
#include <string>

#include "core/result.h"

namespace options {

/// The content of a small file. Errors: os_error's; TooLarge above 1 MiB.
core::Result<std::string> read_text_file(const std::string& path);

}  // namespace options
