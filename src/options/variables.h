#pragma once
// STSFS_METADATA_TTL sets --metadata-ttl.
#include "options/environment.h"
#include "options/values.h"

namespace options {

/// Sets what the environment says. Errors: InvalidArgument, naming the variable.
core::Status read_variables(const Environment& environment, Values& values);

}  // namespace options
