#include "sign/s3_v4.h"

#include <algorithm>
#include <array>

#include "core/check.h"
#include "core/digest.h"
#include "core/text.h"
#include "sign/canonical.h"

namespace sign {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

/// Headers that transports and proxies set or change on the way; everything else is signed.
constexpr auto kNeverSigned = std::to_array<std::string_view>(
    {"accept", "accept-encoding", "authorization", "connection", "content-length", "expect", "host",
     "te", "transfer-encoding", "user-agent"});

KeyScope key_scope(const Scope& scope, std::string_view stamp) {
  return {"AWS4", stamp.substr(0, 8), scope.region, scope.product, "aws4_request"};
}

/// Runs of blanks inside a value count as one.
std::string collapsed(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c != ' ' || out.empty() || out.back() != ' ') {
      out += c;
    }
  }
  return out;
}

std::string body_hash(const http::Request& request) {
  core::Hasher hasher(core::Hasher::Kind::Sha256);
  std::uint64_t offset = 0;
  std::vector<std::byte> buffer(64UL * 1024);
  while (request.body && offset < request.body->size()) {
    const auto size = request.body->read(offset, buffer);
    CORE_CHECK(size && *size > 0);  // only bodies in memory come here: forms of a few kilobytes
    hasher.update(core::ByteView(buffer).first(*size));
    offset += *size;
  }
  return core::hex(hasher.finish());
}

template <class Wanted>
S3Canonical canonical(const http::Request& request, const Scope& scope, std::string_view payload,
                      Wanted&& wanted) {
  auto headers = canonical_headers(request, wanted);
  for (auto& header : headers) {
    header.second = collapsed(header.second);
  }
  headers.emplace_back("host", host_of(request));
  sort_and_join(headers);
  S3Canonical result;
  result.signed_headers = names_of(headers);
  std::string& text = result.text;
  text = request.method;
  text += '\n';
  // S3 signs the path as it is sent; every other service signs it encoded once more.
  text += scope.product == "s3" ? request.path : core::percent_encode(request.path, true);
  text += '\n';
  text += canonical_query(request.query, EmptyValue::Equals, "X-Amz-Signature");
  text += '\n';
  text += render(headers);
  text += '\n';
  text += result.signed_headers;
  text += '\n';
  text += payload;
  return result;
}

std::string signature(std::string_view text, const Credentials& credentials, const Scope& scope,
                      std::string_view stamp) {
  const core::Secret key = signing_key(credentials.access_key_secret, key_scope(scope, stamp));
  return core::hex(core::hmac_sha256(key.reveal(), text));
}

}  // namespace

void s3_v4_prepare(http::Request& request, const Credentials& credentials, const Scope& scope,
                   core::WallTime now) {
  request.headers.set("x-amz-date", core::format_compact(now));
  if (scope.product == "s3" && !request.headers.get("x-amz-content-sha256")) {
    request.headers.set("x-amz-content-sha256", std::string(kUnsignedPayload));
  }
  if (credentials.temporary()) {
    request.headers.set("x-amz-security-token", std::string(credentials.token.reveal()));
  }
}

S3Canonical s3_v4_canonical_request(const http::Request& request, const Scope& scope) {
  const auto declared = request.headers.get("x-amz-content-sha256");
  const std::string payload = declared ? std::string(*declared) : body_hash(request);
  return canonical(request, scope, payload, [](std::string_view name) {
    return !std::binary_search(kNeverSigned.begin(), kNeverSigned.end(), name);
  });
}

std::string s3_v4_string_to_sign(std::string_view canonical_request, const Scope& scope,
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

void s3_v4_header(http::Request& request, const Credentials& credentials, const Scope& scope,
                  core::WallTime now) {
  s3_v4_prepare(request, credentials, scope, now);
  const S3Canonical seen = s3_v4_canonical_request(request, scope);
  const std::string stamp = core::format_compact(now);
  std::string authorization(kAlgorithm);
  authorization +=
      " Credential=" + credentials.access_key_id + '/' + key_scope(scope, stamp).text() +
      ", SignedHeaders=" + seen.signed_headers + ", Signature=" +
      signature(s3_v4_string_to_sign(seen.text, scope, now), credentials, scope, stamp);
  request.headers.set("Authorization", std::move(authorization));
}

void s3_v4_query(http::Request& request, const Credentials& credentials, const Scope& scope,
                 core::WallTime now, core::Duration lifetime,
                 const std::vector<std::string>& additional_headers) {
  const std::string stamp = core::format_compact(now);
  // What the user of the URL must send: what the service insists on, and what was asked for.
  const auto wanted = [&](std::string_view name) {
    return name == "content-type" || name == "content-md5" || name.starts_with("x-amz-") ||
           (name != "host" && std::any_of(additional_headers.begin(), additional_headers.end(),
                                          [name](const std::string& asked) {
                                            return core::equal_ignoring_case(asked, name);
                                          }));
  };
  auto& query = request.query;
  set_parameter(query, "X-Amz-Algorithm", std::string(kAlgorithm));
  set_parameter(query, "X-Amz-Credential",
                credentials.access_key_id + '/' + key_scope(scope, stamp).text());
  set_parameter(query, "X-Amz-Date", stamp);
  set_parameter(query, "X-Amz-Expires",
                std::to_string(std::chrono::duration_cast<std::chrono::seconds>(lifetime).count()));
  if (credentials.temporary()) {
    set_parameter(query, "X-Amz-Security-Token", std::string(credentials.token.reveal()));
  }
  set_parameter(query, "X-Amz-SignedHeaders",
                canonical(request, scope, kUnsignedPayload, wanted).signed_headers);
  const S3Canonical seen = canonical(request, scope, kUnsignedPayload, wanted);
  set_parameter(query, "X-Amz-Signature",
                signature(s3_v4_string_to_sign(seen.text, scope, now), credentials, scope, stamp));
}

}  // namespace sign
