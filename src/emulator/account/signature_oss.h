#pragma once
// OSS signatures, versions 1, 2 and 4, checked the way the service does: with the leniencies that
// its own clients need.
#include <optional>
#include <string>
#include <string_view>

#include "emulator/account/signature.h"

namespace emulator {

/// Nothing if `claim` is signed with `secret` for `/bucket/key` (decoded; the same for every kind
/// of addressing); else SignatureDoesNotMatch with the strings that we signed.
/// Source: OSS API, "Include signatures in the Authorization header" (V1, V4); V2 from the
///         vendor's clients, as no vector is published.
std::optional<ServiceError> check_oss_signature(const RawRequest& request, const Claim& claim,
                                                std::string_view secret, const SigningKeys& keys,
                                                std::string_view bucket, std::string_view key);

}  // namespace emulator
