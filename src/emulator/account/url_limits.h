#pragma once
#include <optional>
#include <string_view>

#include "emulator/wire/message.h"

namespace emulator {

/// Who may use a signed URL: x-oss-ac-source-ip with -subnet-mask, -vpc-id and -forward-allow,
/// which trusts X-Forwarded-For. `client_vpc` is the VPC that callers seem to come from.
/// Errors: AccessDenied, EC 0002-00000602.
/// Source: OSS API, "Include signatures in a URL", access control parameters.
std::optional<ServiceError> check_url_limits(const RawRequest& request,
                                             std::string_view client_vpc);

}  // namespace emulator
