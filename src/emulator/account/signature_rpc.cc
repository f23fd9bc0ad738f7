#include "emulator/account/signature_rpc.h"

#include <algorithm>
#include <array>

#include "core/digest.h"
#include "core/text.h"
#include "emulator/account/signature.h"

namespace emulator {
namespace {

constexpr std::string_view kAcs3 = "ACS3-HMAC-SHA256";

ServiceError refused(std::string code, std::string message) {
  return {400, std::move(code), std::move(message), {}, {}};
}
ServiceError missing(std::string_view name) {
  return refused("Missing" + std::string(name),
                 std::string(name) + " is mandatory for this action.");
}
ServiceError incomplete(const std::string& message) {
  return refused("IncompleteSignature",
                 "The request signature does not conform to Aliyun standards. " + message);
}
ServiceError bad_time() {
  return refused("InvalidTimeStamp.Format", "Specified time stamp is not well formatted.");
}

/// "name=value&name=value", sorted by name. Unlike OSS V4, a blank value keeps its '='.
std::string canonical_params(const CallParams& params) {
  std::vector<const QueryParam*> sorted;
  for (const auto& param : params) {
    if (param.name != "Signature") {
      sorted.push_back(&param);
    }
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto* a, const auto* b) { return a->name < b->name; });
  std::string text;
  for (const auto* param : sorted) {
    if (!text.empty()) {
      text += '&';
    }
    text += core::percent_encode(param->name) + "=" + core::percent_encode(param->value);
  }
  return text;
}

std::string rpc_string_to_sign(const RawRequest& request, const CallParams& params) {
  return request.method + "&%2F&" + core::percent_encode(canonical_params(params));
}

std::string acs3_canonical_request(const RawRequest& request, const CallClaim& claim,
                                   std::string_view payload_hash) {
  std::string text = request.method + "\n" +
                     (request.raw_path.empty() ? std::string("/") : request.raw_path) + "\n" +
                     canonical_params(request.query) + "\n";
  const auto fields = canonical_fields(request, [&](std::string_view name) {
    return std::find(claim.signed_headers.begin(), claim.signed_headers.end(), name) !=
           claim.signed_headers.end();
  });
  for (const auto& [name, value] : fields) {
    text.append(name).append(":").append(value).append("\n");
  }
  std::string names;
  for (const auto& name : claim.signed_headers) {
    names.append(names.empty() ? "" : ";").append(name);
  }
  return text.append("\n").append(names).append("\n").append(payload_hash);
}

ServiceError mismatch(const std::string& string_to_sign) {
  return refused("SignatureDoesNotMatch",
                 "Specified signature is not matched with our calculation. server string to sign "
                 "is:" +
                     string_to_sign);
}

std::variant<CallClaim, ServiceError> read_acs3(const RawRequest& request) {
  CallClaim claim;
  claim.acs3 = true;
  const auto authorization = request.header("authorization").value_or("").substr(kAcs3.size());
  for (const auto piece : core::split(authorization, ',')) {
    const auto field = core::trim(piece);
    const auto name = field.substr(0, field.find('='));
    const auto value = name.size() < field.size() ? field.substr(name.size() + 1) : "";
    if (name == "Credential") {
      claim.access_key_id = value;
    } else if (name == "Signature") {
      claim.signature = value;
    } else if (name == "SignedHeaders") {
      for (const auto header : core::split(value, ';')) {
        claim.signed_headers.push_back(core::to_lower(header));
      }
    }
  }
  if (claim.access_key_id.empty()) {
    return missing("AccessKeyId");
  }
  if (claim.signature.empty() || claim.signed_headers.empty()) {
    return incomplete("Authorization needs Credential, SignedHeaders and Signature.");
  }
  constexpr auto kMustBeSigned = std::to_array<std::string_view>(
      {"x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce",
       "x-acs-content-sha256", "x-acs-security-token"});
  for (const auto name : kMustBeSigned) {
    const bool listed = std::find(claim.signed_headers.begin(), claim.signed_headers.end(), name) !=
                        claim.signed_headers.end();
    if (request.header(name) && !listed) {
      return incomplete(std::string(name) + " must be among the SignedHeaders.");
    }
  }
  claim.token = request.header("x-acs-security-token").value_or("");
  claim.nonce = request.header("x-acs-signature-nonce").value_or("");
  if (claim.nonce.empty()) {
    return missing("SignatureNonce");
  }
  const auto date = core::parse_iso8601(request.header("x-acs-date").value_or(""));
  if (!date) {
    return bad_time();
  }
  claim.date = *date;
  return claim;
}

std::variant<CallClaim, ServiceError> read_rpc(const CallParams& params) {
  constexpr auto kMandatory = std::to_array<std::string_view>(
      {"AccessKeyId", "Signature", "SignatureNonce", "Timestamp", "SignatureMethod"});
  for (const auto name : kMandatory) {
    if (call_param(params, name).empty()) {
      return missing(name);
    }
  }
  if (!core::equal_ignoring_case(call_param(params, "SignatureMethod"), "HMAC-SHA1")) {
    return refused("InvalidParameter.SignatureMethod", "Only HMAC-SHA1 is supported.");
  }
  const auto version = call_param(params, "SignatureVersion");
  if (!version.empty() && version != "1.0") {
    return refused("InvalidParameter.SignatureVersion", "Only signature version 1.0 is supported.");
  }
  const auto date = core::parse_iso8601(call_param(params, "Timestamp"));
  if (!date) {
    return bad_time();
  }
  CallClaim claim;
  claim.access_key_id = call_param(params, "AccessKeyId");
  claim.signature = call_param(params, "Signature");
  claim.token = call_param(params, "SecurityToken");
  claim.nonce = call_param(params, "SignatureNonce");
  claim.date = *date;
  return claim;
}

std::optional<ServiceError> check_acs3(const RawRequest& request, std::string_view body,
                                       const CallClaim& claim, std::string_view secret) {
  const std::string body_hash = core::hex(core::sha256(body));
  const std::string sent_hash(request.header("x-acs-content-sha256").value_or(body_hash));
  const std::string text =
      std::string(kAcs3) + "\n" +
      core::hex(core::sha256(acs3_canonical_request(request, claim, sent_hash)));
  if (!core::equal_constant_time(core::hex(core::hmac_sha256(secret, text)), claim.signature)) {
    return mismatch(text);
  }
  if (sent_hash != body_hash) {
    return incomplete("x-acs-content-sha256 is not the hash of the body.");
  }
  return std::nullopt;
}

}  // namespace

CallParams call_params(const RawRequest& request, std::string_view body) {
  CallParams params = request.query;
  const auto type = core::to_lower(request.header("content-type").value_or(""));
  if (body.empty() || !(type.empty() || type.starts_with("application/x-www-form-urlencoded"))) {
    return params;
  }
  for (const auto piece : core::split(body, '&')) {
    if (piece.empty()) {
      continue;
    }
    const auto equals = piece.find('=');
    const bool has_equals = equals != std::string_view::npos;
    params.push_back({core::percent_decode(piece.substr(0, equals), /*plus_is_blank=*/true),
                      has_equals ? core::percent_decode(piece.substr(equals + 1), true) : "",
                      has_equals});
  }
  return params;
}

std::string_view call_param(const CallParams& params, std::string_view name) {
  const auto found = std::find_if(params.begin(), params.end(),
                                  [name](const QueryParam& param) { return param.name == name; });
  return found == params.end() ? std::string_view() : std::string_view(found->value);
}

bool is_acs3(const RawRequest& request) {
  return request.header("authorization").value_or("").starts_with(kAcs3);
}

std::variant<CallClaim, ServiceError> read_call_claim(const RawRequest& request,
                                                      const CallParams& params) {
  return is_acs3(request) ? read_acs3(request) : read_rpc(params);
}

std::optional<ServiceError> check_call_signature(const RawRequest& request,
                                                 const CallParams& params, std::string_view body,
                                                 const CallClaim& claim, std::string_view secret) {
  if (claim.acs3) {
    return check_acs3(request, body, claim, secret);
  }
  const auto text = rpc_string_to_sign(request, params);
  const auto expected = core::base64(core::hmac_sha1(std::string(secret) + "&", text));
  if (core::equal_constant_time(expected, claim.signature)) {
    return std::nullopt;
  }
  return mismatch(text);
}

}  // namespace emulator
