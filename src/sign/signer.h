#pragma once
// Request + credentials + instant -> signed request. Pure: the same three give the same bytes.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "http/message.h"
#include "sign/credentials.h"
#include "sign/scope.h"

namespace sign {

enum class Scheme : std::uint8_t { OssV1, OssV4, S3V4 };

/// Adds date, token and Authorization headers to `request` (replacing any that are there).
/// Anonymous credentials add nothing.
/// S3: the payload hash is UNSIGNED-PAYLOAD unless x-amz-content-sha256 is set; other AWS products
/// (the scope's) get the hash of the body, which must be in memory.
/// Source: OSS API, "Include signatures in the Authorization header" (V1, V4); AWS SigV4.
void sign_header(http::Request& request, const Credentials& credentials, Scheme scheme,
                 const Scope& scope, core::WallTime now);

/// The same as query parameters: a URL that anyone may use until it expires.
/// `additional_headers` (V4) are signed beside those that always are.
/// Units: `lifetime` at least 1 s; V4 at most 7 days.
void sign_query(http::Request& request, const Credentials& credentials, Scheme scheme,
                const Scope& scope, core::WallTime now, core::Duration lifetime,
                const std::vector<std::string>& additional_headers = {});

/// Whether a signed URL covers a header, or a parameter, of that name: version 1 knows some only.
/// One that is not covered can be left out, added or changed by whoever has the URL.
bool covers_header(Scheme scheme, std::string_view name);
bool covers_parameter(Scheme scheme, std::string_view name);

/// The text that sign_header's signature is taken over, to compare with the service's on
/// SignatureDoesNotMatch. Contains no secret.
std::string string_to_sign(const http::Request& request, const Credentials& credentials,
                           Scheme scheme, const Scope& scope, core::WallTime now);

/// The canonical request behind string_to_sign; for V1 the two are one. The token is hidden.
std::string canonical_request(const http::Request& request, const Credentials& credentials,
                              Scheme scheme, const Scope& scope, core::WallTime now);

/// Names the first line in which two strings to sign (or canonical requests) differ, for people;
/// nothing if they agree. A line that carries the token is neither compared nor shown.
std::optional<std::string> first_difference(std::string_view ours, std::string_view theirs);

/// STS, RPC style 1.0 (HMAC-SHA1): the parameters plus the common ones and `Signature`.
/// Format=JSON and STS's Version are added unless given. Anonymous credentials leave it unsigned.
/// Source: "RPC signature mechanism"; the query is encoded twice.
std::vector<http::QueryParam> sign_rpc(std::string_view method,
                                       std::vector<http::QueryParam> parameters,
                                       const Credentials& credentials, core::WallTime now,
                                       std::string_view nonce);

/// A call of an Alibaba Cloud API, named in headers.
struct ApiCall {
  std::string_view action;
  std::string_view version;
  std::string_view nonce;
  std::string_view body;  ///< what the request carries, for its hash
};
/// Any Alibaba Cloud API, ACS3-HMAC-SHA256: adds the x-acs-* headers and Authorization. Anonymous
/// credentials leave it unsigned.
/// Source: "Request syntax and signature method V3".
void sign_acs3(http::Request& request, const ApiCall& call, const Credentials& credentials,
               core::WallTime now);

}  // namespace sign
