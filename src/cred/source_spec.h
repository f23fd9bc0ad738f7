#pragma once
// Where credentials come from, as values: what a profile says, before anything is asked.
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "cred/credentials_json.h"
#include "cred/role_request.h"

namespace cred {

struct SourceSpec;

/// The STS that a profile names; nothing: that of the mount.
struct StsPlace {
  std::string endpoint;  ///< a host or a URL
  std::string region;
  bool vpc = false;  ///< by the address within the region's VPCs
};

/// A role assumed with the credentials of another spec.
struct RoleSpec {
  RoleRequest role;
  StsPlace sts;
  std::shared_ptr<const SourceSpec> base;
};
struct OidcSpec {
  OidcRequest request;
  StsPlace sts;
};
struct EcsSpec {
  std::string role_name;  ///< empty: the instance's own
};
struct ProcessSpec {
  std::vector<std::string> arguments;
};
struct UriSpec {
  std::string uri;
};

struct SourceSpec {
  std::variant<GivenCredentials, RoleSpec, OidcSpec, EcsSpec, ProcessSpec, UriSpec> how;
};

/// A command line split at blanks. Errors: InvalidArgument where the first word is no absolute
/// path.
core::Result<ProcessSpec> parse_command(std::string_view text);

}  // namespace cred
