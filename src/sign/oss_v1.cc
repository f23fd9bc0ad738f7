#include "sign/oss_v1.h"

#include <algorithm>
#include <array>

#include "core/digest.h"
#include "sign/canonical.h"

namespace sign {
namespace {

/// The query parameters that version 1 signs (sorted); others, such as prefix and max-keys, are
/// not. Source: OSS API, "CanonicalizedResource", united with what the official SDKs sign.
constexpr auto kSubResources = std::to_array<std::string_view>({
    "accessPoint",
    "accessPointPolicy",
    "acl",
    "append",
    "asyncFetch",
    "bucketArchiveDirectRead",
    "bucketInfo",
    "callback",
    "callback-var",
    "cleanRestoredObject",
    "cloudboxes",
    "cname",
    "comp",
    "continuation-token",
    "cors",
    "delete",
    "encryption",
    "endTime",
    "group",
    "httpsConfig",
    "img",
    "inventory",
    "inventoryId",
    "lifecycle",
    "link",
    "live",
    "location",
    "logging",
    "metaQuery",
    "objectInfo",
    "objectMeta",
    "partNumber",
    "policy",
    "policyStatus",
    "position",
    "processConfiguration",
    "publicAccessBlock",
    "qos",
    "qosInfo",
    "qosRequester",
    "redundancyTransition",
    "referer",
    "regionList",
    "replication",
    "replicationLocation",
    "replicationProgress",
    "requestPayment",
    "requesterQosInfo",
    "resourceGroup",
    "resourcePool",
    "resourcePoolBuckets",
    "resourcePoolInfo",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "responseHeader",
    "restore",
    "rtc",
    "seal",
    "security-token",
    "sequential",
    "startTime",
    "stat",
    "status",
    "style",
    "styleName",
    "symlink",
    "tagging",
    "transferAcceleration",
    "udf",
    "udfApplication",
    "udfApplicationLog",
    "udfId",
    "udfImage",
    "udfImageDesc",
    "udfName",
    "uploadId",
    "uploads",
    "userDefinedLogFieldsConfig",
    "versionId",
    "versioning",
    "versions",
    "vip",
    "vod",
    "vpcip",
    "website",
    "withHashContext",
    "worm",
    "wormExtend",
    "wormId",
    "x-oss-ac-forward-allow",
    "x-oss-ac-source-ip",
    "x-oss-ac-subnet-mask",
    "x-oss-ac-vpc-id",
    "x-oss-access-point-name",
    "x-oss-async-process",
    "x-oss-delete",
    "x-oss-dir",
    "x-oss-enable-md5",
    "x-oss-enable-sha1",
    "x-oss-enable-sha256",
    "x-oss-hash-ctx",
    "x-oss-md5-ctx",
    "x-oss-process",
    "x-oss-redundancy-transition-taskid",
    "x-oss-rename",
    "x-oss-request-payer",
    "x-oss-target-redundancy-type",
    "x-oss-traffic-limit",
    "x-oss-write-get-object-response",
});
static_assert(std::is_sorted(kSubResources.begin(), kSubResources.end()));

/// "/bucket/key?sub=resources", nothing encoded.
std::string canonical_resource(const http::Request& request, const Scope& scope) {
  std::string text = "/";
  if (!scope.bucket.empty()) {
    text += scope.bucket + '/' + scope.key;
  }
  std::vector<const http::QueryParam*> signed_ones;
  for (const http::QueryParam& parameter : request.query) {
    if (std::binary_search(kSubResources.begin(), kSubResources.end(),
                           std::string_view(parameter.name))) {
      signed_ones.push_back(&parameter);
    }
  }
  std::sort(signed_ones.begin(), signed_ones.end(),
            [](const auto* a, const auto* b) { return a->name < b->name; });
  char separator = '?';
  for (const http::QueryParam* parameter : signed_ones) {
    text += separator;
    text += parameter->name;
    if (parameter->value && !parameter->value->empty()) {
      text += '=' + *parameter->value;
    }
    separator = '&';
  }
  return text;
}

}  // namespace

bool oss_v1_covers_header(std::string_view name) {
  return name == "content-type" || name == "content-md5" || name.starts_with("x-oss-");
}

bool oss_v1_covers_parameter(std::string_view name) {
  return std::binary_search(kSubResources.begin(), kSubResources.end(), name);
}

std::string oss_v1_string_to_sign(const http::Request& request, const Scope& scope,
                                  std::string_view date) {
  std::string text = request.method;
  for (const std::string_view name : {"Content-MD5", "Content-Type"}) {
    text += '\n';
    text += request.headers.get(name).value_or("");
  }
  text += '\n';
  text += date;
  text += '\n';
  text += render(
      canonical_headers(request, [](std::string_view name) { return name.starts_with("x-oss-"); }));
  text += canonical_resource(request, scope);
  return text;
}

std::string oss_v1_signature(std::string_view string_to_sign, const Credentials& credentials) {
  return core::base64(core::hmac_sha1(credentials.access_key_secret.reveal(), string_to_sign));
}

std::string oss_v1_prepare(http::Request& request, const Credentials& credentials,
                           const Scope& scope, core::WallTime now) {
  // x-oss-date rather than Date: no proxy on the way feels responsible for it.
  const std::string date = core::format_http_date(now);
  request.headers.set("x-oss-date", date);
  if (credentials.temporary()) {
    request.headers.set("x-oss-security-token", std::string(credentials.token.reveal()));
  }
  return oss_v1_string_to_sign(request, scope, date);
}

void oss_v1_header(http::Request& request, const Credentials& credentials, const Scope& scope,
                   core::WallTime now) {
  const std::string text = oss_v1_prepare(request, credentials, scope, now);
  request.headers.set("Authorization", "OSS " + credentials.access_key_id + ':' +
                                           oss_v1_signature(text, credentials));
}

void oss_v1_query(http::Request& request, const Credentials& credentials, const Scope& scope,
                  core::WallTime now, core::Duration lifetime) {
  const std::string expires = std::to_string(core::unix_seconds(now + lifetime));
  if (credentials.temporary()) {
    set_parameter(request.query, "security-token", std::string(credentials.token.reveal()));
  }
  const std::string text = oss_v1_string_to_sign(request, scope, expires);
  set_parameter(request.query, "OSSAccessKeyId", credentials.access_key_id);
  set_parameter(request.query, "Expires", expires);
  set_parameter(request.query, "Signature", oss_v1_signature(text, credentials));
}

}  // namespace sign
