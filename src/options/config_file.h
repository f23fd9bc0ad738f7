#pragma once
#include <string>

#include "core/result.h"
#include "options/arguments.h"
#include "options/values.h"

namespace options {

/// Sets what a config file of `owner` says. Where the values are those of another command, options
/// that only the owner has are passed over.
/// Errors: InvalidArgument, naming the file and the line.
core::Status read_config_file(const std::string& path, const CommandRow& owner, Values& values);

}  // namespace options
