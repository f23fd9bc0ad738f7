#include "sign/signer.h"

#include <algorithm>
#include <array>

#include "core/format.h"
#include "core/text.h"
#include "sign/canonical.h"
#include "sign/oss_v1.h"
#include "sign/oss_v4.h"
#include "sign/s3_v4.h"

namespace sign {
namespace {

constexpr std::string_view kHidden = "(hidden)";

/// Takes off what an earlier attempt put on, so that a request can be signed again.
void strip(http::Request& request) {
  for (const std::string_view header : {"Authorization", "x-oss-date", "x-oss-security-token",
                                        "x-amz-date", "x-amz-security-token"}) {
    request.headers.remove(header);
  }
  for (const std::string_view parameter :
       {"OSSAccessKeyId", "Expires", "Signature", "security-token", "x-oss-signature-version",
        "x-oss-credential", "x-oss-date", "x-oss-expires", "x-oss-additional-headers",
        "x-oss-security-token", "x-oss-signature", "X-Amz-Algorithm", "X-Amz-Credential",
        "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Security-Token",
        "X-Amz-Signature"}) {
    erase_parameter(request.query, parameter);
  }
}

/// The same credentials with a token that may be shown.
Credentials presentable(const Credentials& credentials) {
  Credentials shown = credentials;
  if (shown.temporary()) {
    shown.token = core::Secret(std::string(kHidden));
  }
  return shown;
}

/// True for the lines of a string to sign, or of a canonical request, that carry the token.
bool carries_token(std::string_view line) {
  const std::string small = core::to_lower(line.substr(0, 32));
  return small.starts_with("x-oss-security-token:") || small.starts_with("x-amz-security-token:") ||
         core::to_lower(line).find("security-token=") != std::string::npos;
}

}  // namespace

void sign_header(http::Request& request, const Credentials& credentials, Scheme scheme,
                 const Scope& scope, core::WallTime now) {
  strip(request);
  if (credentials.anonymous()) {
    return;
  }
  switch (scheme) {
    case Scheme::OssV1:
      return oss_v1_header(request, credentials, scope, now);
    case Scheme::OssV4:
      return oss_v4_header(request, credentials, scope, now);
    case Scheme::S3V4:
      return s3_v4_header(request, credentials, scope, now);
  }
}

void sign_query(http::Request& request, const Credentials& credentials, Scheme scheme,
                const Scope& scope, core::WallTime now, core::Duration lifetime,
                const std::vector<std::string>& additional_headers) {
  strip(request);
  request.headers.remove("x-oss-content-sha256");
  request.headers.remove("x-amz-content-sha256");
  if (credentials.anonymous()) {
    return;
  }
  switch (scheme) {
    case Scheme::OssV1:
      return oss_v1_query(request, credentials, scope, now, lifetime);
    case Scheme::OssV4:
      return oss_v4_query(request, credentials, scope, now, lifetime, additional_headers);
    case Scheme::S3V4:
      return s3_v4_query(request, credentials, scope, now, lifetime, additional_headers);
  }
}

bool covers_header(Scheme scheme, std::string_view name) {
  return scheme != Scheme::OssV1 || oss_v1_covers_header(core::to_lower(name));
}

bool covers_parameter(Scheme scheme, std::string_view name) {
  return scheme != Scheme::OssV1 || oss_v1_covers_parameter(name);
}

std::string canonical_request(const http::Request& request, const Credentials& credentials,
                              Scheme scheme, const Scope& scope, core::WallTime now) {
  http::Request copy = request;
  strip(copy);
  const Credentials shown = presentable(credentials);
  switch (scheme) {
    case Scheme::OssV1:
      return oss_v1_prepare(copy, shown, scope, now);
    case Scheme::OssV4:
      oss_v4_prepare(copy, shown, now);
      return oss_v4_canonical_request(copy, scope, {});
    case Scheme::S3V4:
      s3_v4_prepare(copy, shown, scope, now);
      return s3_v4_canonical_request(copy, scope).text;
  }
  return {};
}

std::string string_to_sign(const http::Request& request, const Credentials& credentials,
                           Scheme scheme, const Scope& scope, core::WallTime now) {
  if (scheme == Scheme::OssV1) {
    return canonical_request(request, credentials, scheme, scope, now);
  }
  // The token is inside a hash here, so the true one is used and the text stays comparable.
  http::Request copy = request;
  strip(copy);
  if (scheme == Scheme::OssV4) {
    oss_v4_prepare(copy, credentials, now);
    return oss_v4_string_to_sign(oss_v4_canonical_request(copy, scope, {}), scope, now);
  }
  s3_v4_prepare(copy, credentials, scope, now);
  return s3_v4_string_to_sign(s3_v4_canonical_request(copy, scope).text, scope, now);
}

std::optional<std::string> first_difference(std::string_view ours, std::string_view theirs) {
  const auto a = core::split(ours, '\n');
  const auto b = core::split(theirs, '\n');
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const std::string_view left = i < a.size() ? a[i] : "(nothing)";
    const std::string_view right = i < b.size() ? b[i] : "(nothing)";
    if (left == right || (carries_token(left) && carries_token(right))) {
      continue;
    }
    return core::format(R"(line {}: we signed "{}", the service "{}")", i + 1,
                        carries_token(left) ? kHidden : left,
                        carries_token(right) ? kHidden : right);
  }
  return std::nullopt;
}

}  // namespace sign
