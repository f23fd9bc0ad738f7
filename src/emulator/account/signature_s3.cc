#include "emulator/account/signature_s3.h"

#include <algorithm>
#include <array>

#include "core/digest.h"
#include "core/text.h"

namespace emulator {
namespace {

constexpr std::string_view kUnsigned = "UNSIGNED-PAYLOAD";

/// What may stand for the hash of the body. A hash itself is compared with the body by whoever
/// reads the body; the STREAMING forms say how the body is framed.
bool is_payload_hash(std::string_view text) {
  constexpr auto kWords = std::to_array<std::string_view>(
      {kUnsigned, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
       "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"});
  if (std::find(kWords.begin(), kWords.end(), text) != kWords.end()) {
    return true;
  }
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool lists(const Claim& claim, std::string_view name) {
  return std::find(claim.signed_headers.begin(), claim.signed_headers.end(), name) !=
         claim.signed_headers.end();
}

/// Outer blanks go, inner runs become one.
std::string collapsed(std::string_view text) {
  std::string out;
  for (const char c : core::trim(text)) {
    if (c != ' ' || out.empty() || out.back() != ' ') {
      out += c;
    }
  }
  return out;
}

std::string canonical_query(const RawRequest& request) {
  std::vector<std::pair<std::string, std::string>> pairs;
  pairs.reserve(request.query.size());
  for (const auto& param : request.query) {
    if (param.name != "X-Amz-Signature") {
      pairs.emplace_back(core::percent_encode(param.name), core::percent_encode(param.value));
    }
  }
  std::sort(pairs.begin(), pairs.end());
  std::string query;
  for (const auto& [name, value] : pairs) {
    if (!query.empty()) {
      query += '&';
    }
    query.append(name).append("=").append(value);
  }
  return query;
}

std::string canonical_request(const RawRequest& request, const Claim& claim, std::string_view path,
                              std::string_view payload_hash) {
  std::string text = request.method + "\n";
  text.append(path).append("\n").append(canonical_query(request)).append("\n");
  std::string names;
  for (const auto& name : claim.signed_headers) {
    names.append(names.empty() ? "" : ";").append(name);
  }
  const auto fields =
      canonical_fields(request, [&](std::string_view name) { return lists(claim, name); });
  for (const auto& [name, value] : fields) {
    text.append(name).append(":").append(collapsed(value)).append("\n");
  }
  return text.append("\n").append(names).append("\n").append(payload_hash);
}

std::string string_to_sign(const Claim& claim, std::string_view canonical) {
  // The date line is in compact form even where only Date was sent.
  return "AWS4-HMAC-SHA256\n" + core::format_compact(claim.date) + "\n" + claim.day + "/" +
         claim.region + "/" + claim.product + "/aws4_request\n" +
         core::hex(core::sha256(canonical));
}

/// The last line of the canonical request, or nothing if the request leaves it out.
std::optional<std::string> payload_hash_of(const RawRequest& request, const Claim& claim) {
  const auto sent = request.header("x-amz-content-sha256");
  if (claim.by_url) {
    return std::string(lists(claim, "x-amz-content-sha256") ? sent.value_or("") : kUnsigned);
  }
  if (sent) {
    return std::string(*sent);
  }
  if (claim.product == "s3") {
    return std::nullopt;
  }
  return core::hex(core::sha256(""));  // other services do not send it; only no body then verifies
}

std::optional<ServiceError> check_host(const Claim& claim) {
  if (lists(claim, "host")) {
    return std::nullopt;
  }
  return ServiceError{400,
                      "AuthorizationHeaderMalformed",
                      "The host header must be among the signed headers.",
                      "0002-00000406",
                      {}};
}

std::optional<ServiceError> compare(const RawRequest& request, const Claim& claim,
                                    std::string_view payload_hash, std::string_view secret,
                                    const SigningKeys& keys) {
  const std::string signing_key = keys.derive(claim, secret);
  // S3 encodes each byte of the decoded path once; a client that leaves more characters as they
  // are signs what it sends.
  const std::string path =
      core::percent_encode(core::percent_decode(request.raw_path), /*keep_slash=*/true);
  for (const std::string_view candidate :
       {std::string_view(path), std::string_view(request.raw_path)}) {
    const auto text =
        string_to_sign(claim, canonical_request(request, claim, candidate, payload_hash));
    if (core::equal_constant_time(core::hex(core::hmac_sha256(signing_key, text)),
                                  claim.signature)) {
      return std::nullopt;
    }
  }
  const std::string canonical = canonical_request(request, claim, path, payload_hash);
  const std::string text = string_to_sign(claim, canonical);
  return ServiceError{
      403,
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. Check your "
      "key and signing method.",
      "0002-00000040",
      {{"AWSAccessKeyId", claim.access_key_id},
       {"StringToSign", text},
       {"SignatureProvided", claim.signature},
       {"StringToSignBytes", spaced_hex(text)},
       {"CanonicalRequest", canonical},
       {"CanonicalRequestBytes", spaced_hex(canonical)}}};
}

}  // namespace

std::optional<ServiceError> check_s3_signature(const RawRequest& request, const Claim& claim,
                                               std::string_view secret, const SigningKeys& keys) {
  if (auto error = check_host(claim)) {
    return error;
  }
  const auto payload_hash = payload_hash_of(request, claim);
  if (!payload_hash) {
    return ServiceError{400,
                        "InvalidRequest",
                        "Missing required header for this request: x-amz-content-sha256",
                        {},
                        {}};
  }
  if (!is_payload_hash(*payload_hash)) {
    return ServiceError{400,
                        "InvalidArgument",
                        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- form or a "
                        "valid sha256 value.",
                        {},
                        {}};
  }
  return compare(request, claim, *payload_hash, secret, keys);
}

std::optional<ServiceError> check_v4_signature(const RawRequest& request, const Claim& claim,
                                               std::string_view body, std::string_view secret,
                                               const SigningKeys& keys) {
  if (auto error = check_host(claim)) {
    return error;
  }
  return compare(request, claim, core::hex(core::sha256(body)), secret, keys);
}

}  // namespace emulator
