#pragma once
// AWS Signature Version 4 as S3 services take it, and as other AWS services (STS) do.
#include <string>
#include <vector>

#include "core/time.h"
#include "http/message.h"
#include "sign/credentials.h"
#include "sign/scope.h"

namespace sign {

/// The canonical request of `request` as it stands, and the names that it signs.
struct S3Canonical {
  std::string text;
  std::string signed_headers;  ///< "host;x-amz-date"
};

/// Sets date, token and, for S3, the payload hash: UNSIGNED-PAYLOAD unless the caller set one.
void s3_v4_prepare(http::Request& request, const Credentials& credentials, const Scope& scope,
                   core::WallTime now);
/// Of a request that s3_v4_prepare has seen.
S3Canonical s3_v4_canonical_request(const http::Request& request, const Scope& scope);
std::string s3_v4_string_to_sign(std::string_view canonical_request, const Scope& scope,
                                 core::WallTime now);

void s3_v4_header(http::Request& request, const Credentials& credentials, const Scope& scope,
                  core::WallTime now);
void s3_v4_query(http::Request& request, const Credentials& credentials, const Scope& scope,
                 core::WallTime now, core::Duration lifetime,
                 const std::vector<std::string>& additional_headers);

}  // namespace sign
