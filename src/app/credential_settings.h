#pragma once
#include <optional>
#include <string>

#include "app/environment.h"
#include "app/location.h"
#include "app/values.h"
#include "cred/source_factory.h"

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
core::Result<cred::SourceSettings> credential_settings(const Values& values,
                                                       const Environment& environment,
                                                       const ServicePlace& place);

}  // namespace app
