#pragma once
// OSS signature version 4: HMAC-SHA256 with a key derived for the day, region and product.
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "http/message.h"
#include "sign/credentials.h"
#include "sign/scope.h"

namespace sign {

/// Names of headers that are signed beside those that always are: lower case, sorted.
using AdditionalHeaders = std::vector<std::string>;

/// `names` in lower case and sorted, without those that are signed anyway or absent: the service
/// refuses to see either in the list.
AdditionalHeaders oss_v4_additional(const http::Request& request,
                                    const std::vector<std::string>& names);
/// The canonical request of `request` as it stands.
std::string oss_v4_canonical_request(const http::Request& request, const Scope& scope,
                                     const AdditionalHeaders& additional);
std::string oss_v4_string_to_sign(std::string_view canonical_request, const Scope& scope,
                                  core::WallTime now);
std::string oss_v4_signature(std::string_view string_to_sign, const Credentials& credentials,
                             const Scope& scope, core::WallTime now);

/// Sets date, payload hash and token.
void oss_v4_prepare(http::Request& request, const Credentials& credentials, core::WallTime now);
void oss_v4_header(http::Request& request, const Credentials& credentials, const Scope& scope,
                   core::WallTime now, const std::vector<std::string>& additional_headers = {});
void oss_v4_query(http::Request& request, const Credentials& credentials, const Scope& scope,
                  core::WallTime now, core::Duration lifetime,
                  const std::vector<std::string>& additional_headers);

}  // namespace sign
