#pragma once
// What the options about new objects, and about what requests cost, mean.
#include "model/media_types.h"
#include "options/values.h"
#include "oss/store.h"
#include "policy/documents.h"

namespace app {

/// Fills `store`, whose dialect is set, from a mount's options.
/// Errors: InvalidArgument, in one line for people: a word that the service does not know, a limit
/// that it does not keep.
core::Status object_settings(const options::Values& values, oss::Options& store);

/// What files made here are called by: the option, or the words of a mime.types file.
/// Errors: InvalidArgument: the option is no media type.
core::Result<model::MediaTypes> media_types(const options::Values& values,
                                            std::string_view mime_types);

/// What a mount with these options does in its location; options that the command lacks ask for
/// nothing.
policy::Rights rights_of(const options::Values& values);

}  // namespace app
