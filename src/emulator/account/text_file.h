#pragma once
#include <string>

#include "core/result.h"

namespace emulator {

/// A whole small file. Errors: the system's, naming the file.
core::Result<std::string> read_text_file(const std::string& path);

}  // namespace emulator
