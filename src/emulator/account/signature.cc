#include "emulator/account/signature.h"

#include <algorithm>
#include <charconv>

#include "core/digest.h"
#include "core/text.h"

namespace emulator {
namespace {

constexpr core::Duration kMaxSkew = std::chrono::minutes{15};
constexpr std::int64_t kMaxUrlSeconds = 604800;  // seven days, both V4 dialects

ServiceError malformed(std::string message, std::string ec = {}) {
  return {400, "InvalidArgument", std::move(message), std::move(ec), {}};
}
ServiceError denied(std::string message, std::string ec = {}) {
  return {403, "AccessDenied", std::move(message), std::move(ec), {}};
}

std::string value_of(const RawRequest& request, std::string_view name) {
  const QueryParam* param = request.param(name);
  return param == nullptr ? std::string() : param->value;
}

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr std::int64_t kEndOfTime = 4'102'444'800;  // 2100: stays inside nanoseconds
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > kEndOfTime) {
    return std::nullopt;
  }
  return value;
}

std::vector<std::string> name_list(std::string_view text) {
  std::vector<std::string> names;
  for (const auto piece : core::split(text, ';')) {
    if (!core::trim(piece).empty()) {
      names.push_back(core::to_lower(core::trim(piece)));
    }
  }
  return names;
}

/// "name=value" pieces separated by ',' with or without blanks, in any order. `separator` stands
/// between name and value: '=' in V4, ':' in V2.
std::string field_of(std::string_view fields, std::string_view name, char separator) {
  for (const auto piece : core::split(fields, ',')) {
    const auto field = core::trim(piece);
    const auto at = field.find(separator);
    if (at != std::string_view::npos && core::equal_ignoring_case(field.substr(0, at), name)) {
      return std::string(field.substr(at + 1));
    }
  }
  return {};
}
bool has_field(std::string_view fields, std::string_view name, char separator) {
  const auto pieces = core::split(fields, ',');
  return std::any_of(pieces.begin(), pieces.end(), [&](std::string_view piece) {
    const auto field = core::trim(piece);
    return core::equal_ignoring_case(field.substr(0, field.find(separator)), name);
  });
}

/// AK/20240102/region/product/terminator.
bool split_credential(std::string_view text, std::string_view terminator, Claim& claim) {
  const auto pieces = core::split(text, '/');
  if (pieces.size() != 5 || pieces[1].size() != 8 || pieces[3].empty() || pieces[4] != terminator) {
    return false;
  }
  claim.access_key_id = pieces[0];
  claim.day = pieces[1];
  claim.region = pieces[2];
  claim.product = pieces[3];
  return true;
}

/// `dated` is the dialect's own date header, which goes before Date. Both spellings of an instant
/// are taken from either, because ossutil signs V4 with Date alone.
std::optional<ServiceError> take_header_date(const RawRequest& request, std::string_view dated,
                                             Claim& claim) {
  auto text = request.header(dated);
  if (!text) {
    text = request.header("date");
  }
  const auto missing = "OSS authentication requires a valid Date.";
  if (!text) {
    return denied(missing);
  }
  claim.date_text = *text;
  auto date = core::parse_compact(*text);
  if (!date) {
    date = core::parse_http_date(*text);
  }
  if (!date) {
    return denied(missing);
  }
  claim.date = *date;
  return std::nullopt;
}

std::string header_token(const RawRequest& request, Scheme scheme) {
  if (scheme == Scheme::S3V4) {
    return std::string(request.header("x-amz-security-token").value_or(""));
  }
  // A Python client in V1 mode sends the token under the bare name, which is not signed.
  return std::string(request.header("x-oss-security-token")
                         .value_or(request.header("security-token").value_or("")));
}

Presented read_v1_header(const RawRequest& request, std::string_view fields) {
  Claim claim;
  const auto colon = fields.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return malformed("The authorization header that you provided is not valid.");
  }
  claim.access_key_id = fields.substr(0, colon);
  claim.signature = fields.substr(colon + 1);
  claim.token = header_token(request, claim.scheme);
  if (auto error = take_header_date(request, "x-oss-date", claim)) {
    return *std::move(error);
  }
  return claim;
}

Presented read_v2_header(const RawRequest& request, std::string_view fields) {
  Claim claim;
  claim.scheme = Scheme::OssV2;
  claim.access_key_id = field_of(fields, "AccessKeyId", ':');
  claim.signature = field_of(fields, "Signature", ':');
  claim.signed_headers = name_list(field_of(fields, "AdditionalHeaders", ':'));
  if (claim.access_key_id.empty()) {
    return malformed("The AccessKeyId in the Authorization header is missing.", "0002-00000107");
  }
  claim.token = header_token(request, claim.scheme);
  if (auto error = take_header_date(request, "x-oss-date", claim)) {
    return *std::move(error);
  }
  return claim;
}

Presented read_v4_header(const RawRequest& request, std::string_view fields) {
  Claim claim;
  claim.scheme = Scheme::OssV4;
  if (!split_credential(field_of(fields, "Credential", '='), "aliyun_v4_request", claim)) {
    return malformed("The Credential in the Authorization header is malformed.", "0002-00000213");
  }
  if (claim.access_key_id.empty()) {
    return malformed("The AccessKeyId in the Credential is empty.", "0002-00000206");
  }
  claim.signature = field_of(fields, "Signature", '=');
  claim.signed_headers = name_list(field_of(fields, "AdditionalHeaders", '='));
  if (claim.signed_headers.empty() && has_field(fields, "AdditionalHeaders", '=')) {
    return malformed("The AdditionalHeaders in the Authorization header are empty.",
                     "0002-00000209");
  }
  if (request.header("x-oss-content-sha256") != "UNSIGNED-PAYLOAD") {
    return malformed("The header x-oss-content-sha256 must be UNSIGNED-PAYLOAD.", "0002-00000214");
  }
  claim.token = header_token(request, claim.scheme);
  if (auto error = take_header_date(request, "x-oss-date", claim)) {
    return *std::move(error);
  }
  if (core::format_compact(claim.date).substr(0, 8) != claim.day) {
    return malformed("The date in the Credential is not that of the request.", "0002-00000213");
  }
  return claim;
}

Presented read_s3_header(const RawRequest& request, std::string_view fields) {
  Claim claim;
  claim.scheme = Scheme::S3V4;
  if (!split_credential(field_of(fields, "Credential", '='), "aws4_request", claim)) {
    return ServiceError{400,
                        "AuthorizationHeaderMalformed",
                        "The authorization header that you provided is not valid.",
                        "0002-00000404",
                        {}};
  }
  claim.signature = field_of(fields, "Signature", '=');
  claim.signed_headers = name_list(field_of(fields, "SignedHeaders", '='));
  claim.token = header_token(request, claim.scheme);
  if (auto error = take_header_date(request, "x-amz-date", claim)) {
    return *std::move(error);
  }
  if (core::format_compact(claim.date).substr(0, 8) != claim.day) {
    return ServiceError{400,
                        "AuthorizationHeaderMalformed",
                        "The date in the Credential is not that of the request.",
                        "0002-00000409",
                        {}};
  }
  return claim;
}

Presented read_header(const RawRequest& request, std::string_view authorization) {
  constexpr std::string_view kV1 = "OSS ";
  constexpr std::string_view kV2 = "OSS2 ";
  constexpr std::string_view kV4 = "OSS4-HMAC-SHA256 ";
  constexpr std::string_view kS3 = "AWS4-HMAC-SHA256 ";
  if (authorization.starts_with(kV4)) {
    return read_v4_header(request, authorization.substr(kV4.size()));
  }
  if (authorization.starts_with(kV1)) {
    return read_v1_header(request, core::trim(authorization.substr(kV1.size())));
  }
  if (authorization.starts_with(kV2)) {
    return read_v2_header(request, authorization.substr(kV2.size()));
  }
  if (authorization.starts_with(kS3)) {
    return read_s3_header(request, authorization.substr(kS3.size()));
  }
  return malformed(
      "The authorization mechanism is not supported: use OSS, OSS2, OSS4-HMAC-SHA256 or "
      "AWS4-HMAC-SHA256.");
}

/// Absolute unix seconds, as V1 and V2 URLs carry them.
std::optional<ServiceError> take_absolute_expiry(const RawRequest& request, std::string_view name,
                                                 Claim& claim) {
  const QueryParam* param = request.param(name);
  if (param == nullptr) {
    return denied("The Expires of the signed URL is missing.", "0002-00000067");
  }
  if (core::trim(param->value).empty()) {
    return denied("The Expires of the signed URL is blank.", "0002-00000068");
  }
  const auto seconds = parse_seconds(param->value);
  if (!seconds) {
    return denied("The Expires of the signed URL is not a time.", "0002-00000070");
  }
  claim.date_text = param->value;
  claim.expires = core::wall_from_unix(*seconds);
  return std::nullopt;
}

Presented read_v1_url(const RawRequest& request) {
  Claim claim;
  claim.by_url = true;
  claim.access_key_id = value_of(request, "OSSAccessKeyId");
  claim.signature = value_of(request, "Signature");
  claim.token = value_of(request, "security-token");
  if (claim.token.empty()) {
    claim.token = header_token(request, claim.scheme);
  }
  if (auto error = take_absolute_expiry(request, "Expires", claim)) {
    return *std::move(error);
  }
  return claim;
}

Presented read_v2_url(const RawRequest& request) {
  Claim claim;
  claim.scheme = Scheme::OssV2;
  claim.by_url = true;
  claim.access_key_id = value_of(request, "x-oss-access-key-id");
  claim.signature = value_of(request, "x-oss-signature");
  claim.signed_headers = name_list(value_of(request, "x-oss-additional-headers"));
  claim.token = value_of(request, "x-oss-security-token");
  if (auto error = take_absolute_expiry(request, "x-oss-expires", claim)) {
    return *std::move(error);
  }
  return claim;
}

/// The two V4 dialects' URLs differ in the names of their parameters only.
struct V4UrlNames {
  Scheme scheme;
  std::string_view credential, date, expires, headers, token, signature, terminator;
};

Presented read_v4_url(const RawRequest& request, const V4UrlNames& names) {
  Claim claim;
  claim.scheme = names.scheme;
  claim.by_url = true;
  if (!split_credential(value_of(request, names.credential), names.terminator, claim)) {
    return malformed("The credential of the signed URL is malformed.", "0002-00000213");
  }
  if (claim.access_key_id.empty()) {
    return malformed("The AccessKeyId in the credential is empty.", "0002-00000222");
  }
  claim.signature = value_of(request, names.signature);
  claim.signed_headers = name_list(value_of(request, names.headers));
  claim.token = value_of(request, names.token);
  claim.date_text = value_of(request, names.date);
  const auto date = core::parse_compact(claim.date_text);
  if (!date) {
    return malformed("The date of the signed URL is missing or malformed.");
  }
  claim.date = *date;
  if (claim.date_text.substr(0, 8) != claim.day) {
    return malformed("The date in the credential is not that of the signed URL.");
  }
  if (request.param(names.expires) == nullptr) {
    return malformed("The lifetime of the signed URL is missing.", "0002-00000215");
  }
  const auto seconds = parse_seconds(value_of(request, names.expires));
  if (!seconds || *seconds < 1 || *seconds > kMaxUrlSeconds) {
    return malformed("The lifetime of the signed URL must be 1 to 604800 seconds.");
  }
  claim.expires = claim.date + std::chrono::seconds{*seconds};
  return claim;
}

constexpr V4UrlNames kOssUrl = {
    Scheme::OssV4,     "x-oss-credential",         "x-oss-date",
    "x-oss-expires",   "x-oss-additional-headers", "x-oss-security-token",
    "x-oss-signature", "aliyun_v4_request"};
constexpr V4UrlNames kS3Url = {Scheme::S3V4,      "X-Amz-Credential",    "X-Amz-Date",
                               "X-Amz-Expires",   "X-Amz-SignedHeaders", "X-Amz-Security-Token",
                               "X-Amz-Signature", "aws4_request"};

Presented read_url(const RawRequest& request) {
  if (const QueryParam* version = request.param("x-oss-signature-version")) {
    if (version->value == "OSS4-HMAC-SHA256") {
      return read_v4_url(request, kOssUrl);
    }
    if (version->value == "OSS2") {
      return read_v2_url(request);
    }
    return malformed("The x-oss-signature-version is not supported.");
  }
  if (const QueryParam* algorithm = request.param("X-Amz-Algorithm")) {
    if (algorithm->value == "AWS4-HMAC-SHA256") {
      return read_v4_url(request, kS3Url);
    }
    return malformed("The X-Amz-Algorithm is not supported.");
  }
  if (request.param("OSSAccessKeyId") != nullptr) {
    return read_v1_url(request);
  }
  if (request.param("AWSAccessKeyId") != nullptr) {
    return malformed("S3 signature version 2 is not supported: use AWS4-HMAC-SHA256.");
  }
  return std::monostate{};
}

}  // namespace

Presented read_claim(const RawRequest& request) {
  const auto authorization = request.header("authorization");
  Presented by_url = read_url(request);
  if (!authorization) {
    return by_url;
  }
  if (!std::holds_alternative<std::monostate>(by_url)) {
    return malformed("Only one of the Authorization header and a signed URL is allowed.");
  }
  return read_header(request, *authorization);
}

std::optional<ServiceError> check_time(const Claim& claim, core::WallTime now) {
  const bool s3 = claim.scheme == Scheme::S3V4;
  if (!claim.by_url) {
    if (claim.date - now <= kMaxSkew && now - claim.date <= kMaxSkew) {
      return std::nullopt;
    }
    return ServiceError{
        403,
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        s3 ? "0002-00000501" : "0002-00000504",
        {{"MaxAllowedSkewMilliseconds", "900000"},
         {"RequestTime", error_time(claim.date)},
         {"ServerTime", error_time(now)}}};
  }
  // Only V4 URLs say when they begin; for the others `date` is the epoch.
  if (claim.date - now > kMaxSkew) {
    return denied("Request is not valid yet.");
  }
  if (claim.expires && now >= *claim.expires) {
    ServiceError error = denied("Request has expired.", "0002-00000069");
    error.details = {{"Expires", error_time(*claim.expires)}, {"ServerTime", error_time(now)}};
    return error;
  }
  return std::nullopt;
}

std::string SigningKeys::derive(const Claim& claim, std::string_view secret) const {
  const bool s3 = claim.scheme == Scheme::S3V4;
  std::string name = s3 ? "s3/" : "oss/";
  for (const std::string* part : {&claim.access_key_id, &claim.day, &claim.region}) {
    name.append(*part) += '/';
  }
  name += claim.product;
  {
    const core::MutexLock lock(mutex_);
    if (const auto found = keys_.find(name); found != keys_.end()) {
      return found->second;
    }
  }
  std::string key = core::hmac_sha256((s3 ? "AWS4" : "aliyun_v4") + std::string(secret), claim.day);
  key = core::hmac_sha256(key, claim.region);
  key = core::hmac_sha256(key, claim.product);
  key = core::hmac_sha256(key, s3 ? "aws4_request" : "aliyun_v4_request");
  const core::MutexLock lock(mutex_);
  constexpr std::size_t kMost = 4096;  // temporary keys come and go; start over now and then
  if (keys_.size() >= kMost) {
    keys_.clear();
  }
  keys_.emplace(std::move(name), key);
  return key;
}

CanonicalFields canonical_fields(const RawRequest& request,
                                 const std::function<bool(std::string_view)>& wanted) {
  CanonicalFields fields;
  for (const auto& [name, value] : request.headers) {
    std::string lower = core::to_lower(name);
    if (wanted(lower)) {
      fields.emplace_back(std::move(lower), core::trim(value));
    }
  }
  std::stable_sort(fields.begin(), fields.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  CanonicalFields joined;
  for (auto& field : fields) {
    if (!joined.empty() && joined.back().first == field.first) {
      joined.back().second += "," + field.second;
    } else {
      joined.push_back(std::move(field));
    }
  }
  return joined;
}

std::string spaced_hex(std::string_view text) {
  const std::string packed = core::upper_hex(text);
  std::string out;
  out.reserve(text.size() * 3);
  for (std::size_t i = 0; i < packed.size(); i += 2) {
    if (i > 0) {
      out += ' ';
    }
    out.append(packed, i, 2);
  }
  return out;
}

std::string error_time(core::WallTime time) {
  std::string text = core::format_iso8601(time);
  text.insert(text.size() - 1, ".000");
  return text;
}

}  // namespace emulator
