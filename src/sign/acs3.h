#pragma once
// Alibaba Cloud's signature version 3, ACS3-HMAC-SHA256.
#include <string>
#include <string_view>

#include "core/secret.h"
#include "http/message.h"

namespace sign {

/// Over method, path, query, and the host, content-type and x-acs-* headers; `payload_hash` is the
/// hex SHA-256 of the body.
std::string acs3_canonical_request(const http::Request& request, std::string_view payload_hash);
std::string acs3_string_to_sign(std::string_view canonical_request);
/// With the secret itself: no derived key, no scope.
std::string acs3_signature(std::string_view string_to_sign, const core::Secret& secret);

}  // namespace sign
