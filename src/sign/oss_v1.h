#pragma once
// OSS signature version 1: HMAC-SHA1 over the raw resource.
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "http/message.h"
#include "sign/credentials.h"
#include "sign/scope.h"

namespace sign {

/// The string to sign of `request` as it stands; `date` is its x-oss-date or Date, or the Expires
/// of a signed URL.
std::string oss_v1_string_to_sign(const http::Request& request, const Scope& scope,
                                  std::string_view date);
std::string oss_v1_signature(std::string_view string_to_sign, const Credentials& credentials);

/// What it signs of a request. Header names in lower case.
bool oss_v1_covers_header(std::string_view name);
bool oss_v1_covers_parameter(std::string_view name);

/// Sets x-oss-date and the token, and returns the string to sign.
std::string oss_v1_prepare(http::Request& request, const Credentials& credentials,
                           const Scope& scope, core::WallTime now);
void oss_v1_header(http::Request& request, const Credentials& credentials, const Scope& scope,
                   core::WallTime now);
void oss_v1_query(http::Request& request, const Credentials& credentials, const Scope& scope,
                  core::WallTime now, core::Duration lifetime);

}  // namespace sign
