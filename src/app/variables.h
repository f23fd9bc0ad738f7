#pragma once
// STSFS_METADATA_TTL sets --metadata-ttl.
#include "app/environment.h"
#include "app/values.h"

namespace app {

/// Sets what the environment says. Errors: InvalidArgument, naming the variable.
core::Status read_variables(const Environment& environment, Values& values);

}  // namespace app
