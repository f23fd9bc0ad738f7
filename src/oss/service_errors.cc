#include "oss/service_errors.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/digest.h"
#include "core/format.h"
#include "core/text.h"
#include "oss/xml.h"

namespace oss {
namespace {

using core::ErrorKind;

struct Row {
  std::string_view code;
  ErrorKind kind;
};

// Source: OSS error code pages; the protocol notes of each operation; Amazon S3, "Error responses";
// what Ceph and Versity gateways answer.
constexpr auto kTable = std::to_array<Row>({
    {"NoSuchKey", ErrorKind::NotFound},
    {"NoSuchVersion", ErrorKind::NotFound},
    {"SymlinkTargetNotExist", ErrorKind::NotFound},
    {"NoSuchBucket", ErrorKind::NoBucket},
    {"NoSuchUpload", ErrorKind::NoUpload},
    {"NotSymlink", ErrorKind::InvalidArgument},
    {"InvalidTargetType", ErrorKind::TooManyLinks},
    {"AccessDenied", ErrorKind::Denied},
    {"AccessForbidden", ErrorKind::Denied},
    {"InvalidObjectState", ErrorKind::Denied},  // archived: restore it first
    {"UserDisable", ErrorKind::TokenRefused},
    {"InvalidAccessKeyId", ErrorKind::TokenRefused},
    {"InvalidSecurityToken", ErrorKind::TokenRefused},
    {"SecurityTokenExpired", ErrorKind::TokenRefused},
    {"SignatureDoesNotMatch", ErrorKind::TokenRefused},
    {"ExpiredToken", ErrorKind::TokenRefused},
    {"InvalidToken", ErrorKind::TokenRefused},
    {"XAdminUserNotFound", ErrorKind::TokenRefused},  // what Versity calls an unknown access key
    {"TokenRefreshRequired", ErrorKind::TokenRefused},
    {"RequestTimeTooSkewed", ErrorKind::ClockSkewed},
    {"SecondLevelDomainForbidden",
     ErrorKind::Protocol},                       // the endpoint wants the bucket in the host
    {"PermanentRedirect", ErrorKind::Protocol},  // the bucket is in another region
    {"TemporaryRedirect", ErrorKind::Protocol},
    {"AuthorizationHeaderMalformed", ErrorKind::Protocol},  // likewise
    {"MethodNotAllowed", ErrorKind::NotPermitted},
    {"FileImmutable", ErrorKind::NotPermitted},
    {"FileAlreadyExists", ErrorKind::Exists},
    {"ObjectAlreadyExists", ErrorKind::Exists},
    {"PreconditionFailed", ErrorKind::Changed},
    {"PositionNotEqualToLength", ErrorKind::Changed},
    {"ObjectNotAppendable", ErrorKind::Unsupported},
    {"OperationNotSupported", ErrorKind::Unsupported},
    {"NotImplemented", ErrorKind::Unsupported},
    {"InvalidRange", ErrorKind::OutOfRange},
    {"EntityTooLarge", ErrorKind::TooLarge},
    {"MetadataTooLarge", ErrorKind::TooLarge},
    {"KeyTooLongError", ErrorKind::NameTooLong},
    {"KeyTooLong", ErrorKind::NameTooLong},
    {"InvalidDigest", ErrorKind::Corrupt},  // damaged on the way: sent again
    {"BadDigest", ErrorKind::Corrupt},
    {"XAmzContentSHA256Mismatch", ErrorKind::Corrupt},
    // Gateways in front of a file system, which has no room for "a" beside "a/b".
    {"ObjectParentIsFile", ErrorKind::NotDirectory},
    {"ExistingObjectIsDirectory", ErrorKind::IsDirectory},
    {"DirectoryNotEmpty", ErrorKind::NotEmpty},
    {"QuotaExceeded", ErrorKind::NoSpace},
    // Two who write one key at once: one of them is asked to try again.
    {"ConditionalRequestConflict", ErrorKind::Unavailable},
    {"OperationAborted", ErrorKind::Unavailable},
    {"RequestTimeout", ErrorKind::Timeout},
    {"TooManyBuckets", ErrorKind::NoSpace},
    {"InternalError", ErrorKind::Unavailable},
    {"ServiceUnavailable", ErrorKind::Throttled},
    {"SlowDown", ErrorKind::Throttled},
    {"TooManyRequests", ErrorKind::Throttled},
    {"RequestLimitExceeded", ErrorKind::Throttled},
    {"DownloadTrafficRateLimitExceeded", ErrorKind::Throttled},
    {"UploadTrafficRateLimitExceeded", ErrorKind::Throttled},
    {"MetaOperationQpsLimitExceeded", ErrorKind::Throttled},
    {"TotalQpsLimitExceeded", ErrorKind::Throttled},
    {"QpsLimitExceeded", ErrorKind::Throttled},
    {"ActiveRequestLimitExceeded", ErrorKind::Throttled},
    {"CpuLimitExceeded", ErrorKind::Throttled},
});

ErrorKind kind_of_status(int status) {
  switch (status) {
    case 400:
      return ErrorKind::InvalidArgument;
    case 401:
    case 403:
      return ErrorKind::Denied;
    case 404:
      return ErrorKind::NotFound;
    case 405:
      return ErrorKind::NotPermitted;
    case 408:
      return ErrorKind::Timeout;
    case 409:
    case 412:
      return ErrorKind::Changed;
    case 416:
      return ErrorKind::OutOfRange;
    case 429:
    case 503:
      return ErrorKind::Throttled;
    case 501:
      return ErrorKind::Unsupported;
    default:
      return status >= 500 ? ErrorKind::Unavailable : ErrorKind::Protocol;
  }
}

/// Enough for a canonical request in it.
constexpr std::size_t kLongestErrorDocument = 64UL * 1024;

std::optional<std::int64_t> header_number(const http::Headers& headers, std::string_view name) {
  const auto text = headers.get(name);
  std::int64_t number = 0;
  if (!text) {
    return std::nullopt;
  }
  const auto [stopped, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  return error == std::errc{} && number >= 0 ? std::optional(number) : std::nullopt;
}

core::Duration pause_asked_for(const http::Response& response) {
  // No service may put us to sleep for long on its word alone.
  constexpr core::Duration kLongest = std::chrono::seconds{30};
  core::Duration pause{0};
  if (const auto milliseconds = header_number(response.headers, "x-oss-qos-delay-time")) {
    pause = std::chrono::milliseconds{std::min<std::int64_t>(*milliseconds, 60'000)};
  } else if (const auto seconds = header_number(response.headers, "Retry-After")) {
    pause = std::chrono::seconds{std::min<std::int64_t>(*seconds, 60)};
  }
  return std::min(pause, kLongest);
}

/// Codes by which a token is refused, and a successor may not be.
constexpr auto kTokenCodes = std::to_array<std::string_view>(
    {"SecurityTokenExpired", "InvalidSecurityToken", "InvalidAccessKeyId", "ExpiredToken",
     "InvalidToken", "TokenRefreshRequired"});

/// Whether the credentials were refused, and a successor may be accepted.
bool refuses_token(const http::Response& response, const Traits& traits, std::string_view code) {
  if (std::find(kTokenCodes.begin(), kTokenCodes.end(), code) != kTokenCodes.end()) {
    return true;
  }
  // A HEAD of S3 has no words: this is how an expired token looks there, and nothing else that we
  // would send.
  return traits.dialect == Dialect::S3 && code.empty() && response.status == 400 &&
         response.body.empty();
}

/// Where a bucket is that was asked for in the wrong place; empty if the answer is not about that.
std::string place_of(const http::Response& response, std::string_view code,
                     std::string_view region_element) {
  const bool misplaced = response.status == 301 || response.status == 307 ||
                         code == "AuthorizationHeaderMalformed" || code == "PermanentRedirect" ||
                         code == "TemporaryRedirect";
  if (!misplaced) {
    return {};
  }
  return std::string(region_element.empty()
                         ? response.headers.get("x-amz-bucket-region").value_or("")
                         : region_element);
}

/// Whether a refusal that names no place is one of a wrong place all the same: only the service's
/// words tell it from one of rights or of arguments. Source: OSS, the pages of the two codes.
bool is_misplaced(std::string_view code, std::string_view message) {
  return (code == "AccessDenied" && message.find("specified endpoint") != message.npos) ||
         (code == "InvalidArgument" && message.find("signing region") != message.npos);
}

std::string shortened(std::string_view text) {
  constexpr std::size_t kMost = 300;
  return std::string(text.substr(0, kMost)) + (text.size() > kMost ? "…" : "");
}

}  // namespace

core::ErrorKind kind_of(std::string_view code, int status) {
  const auto* const row =
      std::find_if(kTable.begin(), kTable.end(), [code](const Row& r) { return r.code == code; });
  return row == kTable.end() ? kind_of_status(status) : row->kind;
}

bool is_error_document(std::string_view body) {
  return body.size() < kLongestErrorDocument && body.find("<Error") != body.npos &&
         XmlDocument::parse(body, "Error").has_value();
}

Refusal read_refusal(const http::Response& response, const Traits& traits, bool temporary) {
  Refusal refusal;
  core::Remote remote;
  remote.status = response.status;
  remote.request_id = response.headers.get(traits.header("request-id")).value_or("");
  remote.ec = response.headers.get("x-oss-ec").value_or("");
  std::string text = response.body;
  if (text.empty() && !traits.error_header.empty()) {
    if (const auto coded = response.headers.get(traits.error_header)) {
      text = core::base64_decode(*coded).value_or("");
    }
  }
  std::string message;
  std::string right_endpoint;
  std::string right_region;
  // What is not the service's own document (a proxy's page, a cut one) counts by its status.
  if (const auto document = XmlDocument::parse(text, "Error")) {
    const tinyxml2::XMLElement& root = document->root();
    remote.code = child_text(root, "Code");
    message = shortened(child_text(root, "Message"));
    right_endpoint = child_text(root, "Endpoint");
    right_region = child_text(root, "Region");
    refusal.string_to_sign = child_text(root, "StringToSign");
    refusal.canonical_request = child_text(root, "CanonicalRequest");
    if (remote.request_id.empty()) {
      remote.request_id = child_text(root, "RequestId");
    }
    if (remote.ec.empty()) {
      remote.ec = child_text(root, "EC");
    }
  }
  core::Error& error = refusal.error;
  error.kind = kind_of(remote.code, response.status);
  error.message = remote.code.empty() ? core::format("HTTP {}", response.status) : remote.code;
  if (!message.empty()) {
    error.message += ": " + message;
  }
  right_region = shortened(place_of(response, remote.code, right_region));
  if (!right_region.empty()) {
    error.kind = ErrorKind::Protocol;
    remote.elsewhere = core::Elsewhere{right_region, right_endpoint};
    error.message += core::format(
        " (the bucket is in the region {0}: --region {0}, and an --endpoint "
        "of that region if you name one)",
        right_region);
  } else if (!right_endpoint.empty() &&
             (error.kind == ErrorKind::Denied || error.kind == ErrorKind::Protocol)) {
    error.kind = ErrorKind::Protocol;  // not a matter of rights
    error.message += core::format(" (its endpoint is {})", right_endpoint);
    remote.elsewhere = core::Elsewhere{{}, right_endpoint};
  } else if (is_misplaced(remote.code, message)) {
    remote.elsewhere = core::Elsewhere{};
  }
  if (response.status < 400) {
    error.message += " (redirects are not followed)";
  }
  if (response.headers.get(traits.header("delete-marker")) == "true" &&
      error.kind == ErrorKind::NotPermitted) {
    error.kind = ErrorKind::NotFound;
  }
  refusal.token_class = temporary && refuses_token(response, traits, remote.code);
  if (refusal.token_class) {
    error.kind = ErrorKind::TokenRefused;
  }
  refusal.pause = pause_asked_for(response);
  error.remote = std::move(remote);
  return refusal;
}

}  // namespace oss
