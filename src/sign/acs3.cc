#include "sign/acs3.h"

#include "core/digest.h"
#include "core/time.h"
#include "sign/canonical.h"
#include "sign/signer.h"

namespace sign {
namespace {

constexpr std::string_view kAlgorithm = "ACS3-HMAC-SHA256";

std::vector<CanonicalHeader> signed_headers(const http::Request& request) {
  auto headers = canonical_headers(request, [](std::string_view name) {
    return name == "content-type" || name.starts_with("x-acs-");
  });
  if (std::string host = host_of(request); !host.empty()) {
    headers.emplace_back("host", std::move(host));
    sort_and_join(headers);
  }
  return headers;
}

}  // namespace

std::string acs3_canonical_request(const http::Request& request, std::string_view payload_hash) {
  const auto headers = signed_headers(request);
  std::string text = request.method + '\n';
  text += request.path.empty() ? "/" : request.path;
  text += '\n' + canonical_query(request.query, EmptyValue::Equals, "") + '\n';
  text += render(headers) + '\n' + names_of(headers) + '\n';
  text += payload_hash;
  return text;
}

std::string acs3_string_to_sign(std::string_view canonical_request) {
  return std::string(kAlgorithm) + '\n' + core::hex(core::sha256(canonical_request));
}

std::string acs3_signature(std::string_view string_to_sign, const core::Secret& secret) {
  return core::hex(core::hmac_sha256(secret.reveal(), string_to_sign));
}

void sign_acs3(http::Request& request, const ApiCall& call, const Credentials& credentials,
               core::WallTime now) {
  const std::string payload_hash = core::hex(core::sha256(call.body));
  request.headers.set("x-acs-action", std::string(call.action));
  request.headers.set("x-acs-version", std::string(call.version));
  request.headers.set("x-acs-date", core::format_iso8601(now));
  request.headers.set("x-acs-signature-nonce", std::string(call.nonce));
  request.headers.set("x-acs-content-sha256", payload_hash);
  if (credentials.anonymous()) {
    return;
  }
  if (credentials.temporary()) {
    request.headers.set("x-acs-accesskey-id", credentials.access_key_id);
    request.headers.set("x-acs-security-token", std::string(credentials.token.reveal()));
  }
  const std::string signature =
      acs3_signature(acs3_string_to_sign(acs3_canonical_request(request, payload_hash)),
                     credentials.access_key_secret);
  std::string authorization(kAlgorithm);
  authorization += " Credential=" + credentials.access_key_id;
  authorization += ",SignedHeaders=" + names_of(signed_headers(request));
  authorization += ",Signature=" + signature;
  request.headers.set("Authorization", std::move(authorization));
}

}  // namespace sign
