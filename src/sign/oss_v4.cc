#include "sign/oss_v4.h"

#include <algorithm>

#include "core/digest.h"
#include "core/text.h"
#include "sign/canonical.h"

namespace sign {
namespace {

constexpr std::string_view kAlgorithm = "OSS4-HMAC-SHA256";
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

bool always_signed(std::string_view name) {
  return name == "content-type" || name == "content-md5" || name.starts_with("x-oss-");
}

KeyScope key_scope(const Scope& scope, std::string_view stamp) {
  return {"aliyun_v4", stamp.substr(0, 8), scope.region, scope.product, "aliyun_v4_request"};
}

std::string joined(const AdditionalHeaders& names) {
  std::string text;
  for (const std::string& name : names) {
    text += text.empty() ? name : ';' + name;
  }
  return text;
}

}  // namespace

AdditionalHeaders oss_v4_additional(const http::Request& request,
                                    const std::vector<std::string>& names) {
  AdditionalHeaders kept;
  for (const std::string& name : names) {
    std::string small = core::to_lower(name);
    if (!always_signed(small) && (small == "host" || request.headers.get(small))) {
      kept.push_back(std::move(small));
    }
  }
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  return kept;
}

std::string oss_v4_canonical_request(const http::Request& request, const Scope& scope,
                                     const AdditionalHeaders& additional) {
  // The bucket is part of the path whatever the addressing.
  std::string path = "/";
  if (!scope.bucket.empty()) {
    path += scope.bucket + '/' + scope.key;
  }
  const auto listed = [&](std::string_view name) {
    return std::binary_search(additional.begin(), additional.end(), name);
  };
  auto headers = canonical_headers(request, [&](std::string_view name) {
    return always_signed(name) || (name != "host" && listed(name));
  });
  if (listed("host")) {
    headers.emplace_back("host", host_of(request));
    sort_and_join(headers);
  }
  std::string text = request.method;
  text += '\n';
  text += core::percent_encode(path, /*keep_slash=*/true);
  text += '\n';
  text += canonical_query(request.query, EmptyValue::Bare, "x-oss-signature");
  text += '\n';
  text += render(headers);
  text += '\n';
  text += joined(additional);
  text += '\n';
  text += kUnsignedPayload;
  return text;
}

std::string oss_v4_string_to_sign(std::string_view canonical_request, const Scope& scope,
                                  core::WallTime now) {
  const std::string stamp = core::format_compact(now);
  std::string text(kAlgorithm);
  text += '\n';
  text += stamp;
  text += '\n';
  text += key_scope(scope, stamp).text();
  text += '\n';
  text += core::hex(core::sha256(canonical_request));
  return text;
}

std::string oss_v4_signature(std::string_view string_to_sign, const Credentials& credentials,
                             const Scope& scope, core::WallTime now) {
  const std::string stamp = core::format_compact(now);
  const core::Secret key = signing_key(credentials.access_key_secret, key_scope(scope, stamp));
  return core::hex(core::hmac_sha256(key.reveal(), string_to_sign));
}

void oss_v4_prepare(http::Request& request, const Credentials& credentials, core::WallTime now) {
  request.headers.set("x-oss-date", core::format_compact(now));
  request.headers.set("x-oss-content-sha256", std::string(kUnsignedPayload));
  if (credentials.temporary()) {
    request.headers.set("x-oss-security-token", std::string(credentials.token.reveal()));
  }
}

void oss_v4_header(http::Request& request, const Credentials& credentials, const Scope& scope,
                   core::WallTime now, const std::vector<std::string>& additional_headers) {
  oss_v4_prepare(request, credentials, now);
  const auto additional = oss_v4_additional(request, additional_headers);
  const std::string text =
      oss_v4_string_to_sign(oss_v4_canonical_request(request, scope, additional), scope, now);
  std::string authorization(kAlgorithm);
  authorization += " Credential=" + credentials.access_key_id + '/' +
                   key_scope(scope, core::format_compact(now)).text();
  if (!additional.empty()) {
    authorization += ",AdditionalHeaders=" + joined(additional);
  }
  authorization += ",Signature=" + oss_v4_signature(text, credentials, scope, now);
  request.headers.set("Authorization", std::move(authorization));
}

void oss_v4_query(http::Request& request, const Credentials& credentials, const Scope& scope,
                  core::WallTime now, core::Duration lifetime,
                  const std::vector<std::string>& additional_headers) {
  const std::string stamp = core::format_compact(now);
  const auto additional = oss_v4_additional(request, additional_headers);
  auto& query = request.query;
  set_parameter(query, "x-oss-signature-version", std::string(kAlgorithm));
  set_parameter(query, "x-oss-credential",
                credentials.access_key_id + '/' + key_scope(scope, stamp).text());
  set_parameter(query, "x-oss-date", stamp);
  set_parameter(query, "x-oss-expires",
                std::to_string(std::chrono::duration_cast<std::chrono::seconds>(lifetime).count()));
  if (!additional.empty()) {
    set_parameter(query, "x-oss-additional-headers", joined(additional));
  }
  if (credentials.temporary()) {
    set_parameter(query, "x-oss-security-token", std::string(credentials.token.reveal()));
  }
  const std::string text =
      oss_v4_string_to_sign(oss_v4_canonical_request(request, scope, additional), scope, now);
  set_parameter(query, "x-oss-signature", oss_v4_signature(text, credentials, scope, now));
}

}  // namespace sign
