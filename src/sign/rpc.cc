#include "sign/rpc.h"

#include <algorithm>

#include "core/digest.h"
#include "core/text.h"
#include "sign/canonical.h"
#include "sign/signer.h"

namespace sign {

std::string rpc_string_to_sign(std::string_view method,
                               const std::vector<http::QueryParam>& parameters) {
  // Sorting by encoded name is sorting by raw name here: parameter names are letters and digits.
  std::string text(method);
  text += "&%2F&";
  text += core::percent_encode(canonical_query(parameters, EmptyValue::Equals, "Signature"));
  return text;
}

std::string rpc_signature(std::string_view string_to_sign, const core::Secret& secret) {
  std::string text;
  text.reserve(secret.reveal().size() + 17);
  text.append(secret.reveal()).append("&");
  const core::Secret key(std::move(text));
  return core::base64(core::hmac_sha1(key.reveal(), string_to_sign));
}

std::vector<http::QueryParam> sign_rpc(std::string_view method,
                                       std::vector<http::QueryParam> parameters,
                                       const Credentials& credentials, core::WallTime now,
                                       std::string_view nonce) {
  const auto add_default = [&](std::string_view name, std::string_view value) {
    if (std::none_of(parameters.begin(), parameters.end(),
                     [&](const http::QueryParam& p) { return p.name == name; })) {
      parameters.push_back({std::string(name), std::string(value)});
    }
  };
  add_default("Format", "JSON");  // the service's own default is XML
  add_default("Version", "2015-04-01");
  set_parameter(parameters, "Timestamp", core::format_iso8601(now));
  set_parameter(parameters, "SignatureNonce", std::string(nonce));
  if (credentials.anonymous()) {
    return parameters;
  }
  set_parameter(parameters, "AccessKeyId", credentials.access_key_id);
  set_parameter(parameters, "SignatureMethod", "HMAC-SHA1");
  set_parameter(parameters, "SignatureVersion", "1.0");
  if (credentials.temporary()) {
    set_parameter(parameters, "SecurityToken", std::string(credentials.token.reveal()));
  }
  set_parameter(
      parameters, "Signature",
      rpc_signature(rpc_string_to_sign(method, parameters), credentials.access_key_secret));
  return parameters;
}

}  // namespace sign
