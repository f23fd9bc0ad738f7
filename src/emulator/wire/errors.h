#pragma once
// The service's refusals by name, so that each code, status and EC is spelled in one place.
// Source: OSS API error list.
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"
#include "emulator/wire/message.h"

namespace emulator {

/// A value, or what the service says instead.
template <class T>
using Outcome = tl::expected<T, ServiceError>;

inline tl::unexpected<ServiceError> refuse(ServiceError error) {
  return tl::unexpected<ServiceError>(std::move(error));
}

/// The status that a code usually comes with (400 for codes that we do not know).
int status_of_code(std::string_view code);
/// The code that a bare status stands for ("InternalError" for 500).
std::string code_of_status(int status);

ServiceError no_such_bucket(std::string_view bucket);
ServiceError no_such_key(std::string_view key);
ServiceError no_such_version(std::string_view key, std::string_view version_id);
ServiceError no_such_upload(std::string_view upload_id);
ServiceError invalid_argument(std::string message, std::string_view name, std::string_view value);
ServiceError missing_argument(std::string_view name);
ServiceError malformed_xml();
ServiceError not_implemented(std::string_view what);
ServiceError precondition_failed(std::string_view condition);
/// Status 304: has no body, but travels the way of refusals.
ServiceError not_modified();
ServiceError access_denied(std::string message, std::string ec);
ServiceError internal_error(std::string message);
/// Anything else.
ServiceError service_error(int status, std::string code, std::string message, std::string ec = {});

}  // namespace emulator
