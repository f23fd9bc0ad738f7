#pragma once
#include <optional>
#include <string>

#include "app/location.h"
#include "cred/source_factory.h"
#include "options/environment.h"
#include "options/values.h"

namespace app {

/// What is known of the service by the time credentials are thought of.
struct ServicePlace {
  std::optional<Location> location;
  http::Origin endpoint;  ///< of the object store; empty host: none
  std::string region;     ///< empty: unknown
  bool aws = false;       ///< the S3 dialect
};

/// Where credentials come from, by options, variables and the ecosystem's own files.
/// Errors: InvalidArgument: options that contradict each other, or make no sense; in one line for
///         people.
core::Result<cred::SourceSettings> credential_settings(const options::Values& values,
                                                       const options::Environment& environment,
                                                       const ServicePlace& place);

}  // namespace app
