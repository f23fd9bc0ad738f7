#pragma once
// Alibaba Cloud's RPC style, signature version 1.0.
#include <string>
#include <string_view>
#include <vector>

#include "core/secret.h"
#include "http/message.h"

namespace sign {

/// "POST&%2F&…": parameters sorted by raw name, encoded, and encoded once more.
std::string rpc_string_to_sign(std::string_view method,
                               const std::vector<http::QueryParam>& parameters);
std::string rpc_signature(std::string_view string_to_sign, const core::Secret& secret);

}  // namespace sign
