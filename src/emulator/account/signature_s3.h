#pragma once
// AWS signature version 4 as S3 uses it.
#include <optional>
#include <string>
#include <string_view>

#include "emulator/account/signature.h"

namespace emulator {

/// Nothing if `claim` is signed with `secret`; else SignatureDoesNotMatch in S3's own elements.
/// The path counts as sent (virtual-hosted: without the bucket).
/// Errors: 400 when `host` is not signed or the payload hash is missing or no hash at all.
/// Source: AWS, "Signature Calculations for the Authorization Header".
std::optional<ServiceError> check_s3_signature(const RawRequest& request, const Claim& claim,
                                               std::string_view secret, const SigningKeys& keys);

/// The same for a service that hashes the body that it got, and takes nobody's word for it (STS).
std::optional<ServiceError> check_v4_signature(const RawRequest& request, const Claim& claim,
                                               std::string_view body, std::string_view secret,
                                               const SigningKeys& keys);

}  // namespace emulator
