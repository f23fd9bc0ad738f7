#pragma once
// What the options about new objects, and about what requests cost, mean.
#include "app/policy.h"
#include "app/values.h"
#include "oss/store.h"

namespace app {

/// Fills `store`, whose dialect is set, from a mount's options.
/// Errors: InvalidArgument, in one line for people: a word that the service does not know, a limit
/// that it does not keep.
core::Status object_settings(const Values& values, oss::Options& store);

/// What a mount with these options does in its location; options that the command lacks ask for
/// nothing.
Rights rights_of(const Values& values);

}  // namespace app
