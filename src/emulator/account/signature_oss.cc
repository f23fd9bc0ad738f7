#include "emulator/account/signature_oss.h"

#include <algorithm>

#include "core/digest.h"
#include "core/text.h"
#include "emulator/account/subresources.h"

namespace emulator {
namespace {

/// Go clients and alibabacloud-gateway-oss sign every x-oss-* parameter, others only the listed
/// ones.
enum class Coverage : std::uint8_t { Listed, ListedAndOurs };

bool is_signed(std::string_view name, Coverage coverage) {
  return is_subresource(name) ||
         (coverage == Coverage::ListedAndOurs && name.starts_with("x-oss-"));
}

std::string header_or_empty(const RawRequest& request, std::string_view name) {
  return std::string(request.header(name).value_or(""));
}

bool is_oss_header(std::string_view name) { return name.starts_with("x-oss-"); }

void append_fields(std::string& out, const CanonicalFields& fields) {
  for (const auto& [name, value] : fields) {
    out.append(name).append(":").append(value).append("\n");
  }
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    if (!out.empty()) {
      out += ';';
    }
    out += name;
  }
  return out;
}

/// "/", "/bucket/" or "/bucket/key".
std::string resource_path(std::string_view bucket, std::string_view key) {
  std::string path = "/";
  if (!bucket.empty()) {
    path.append(bucket).append("/").append(key);
  }
  return path;
}

std::string v1_resource(const RawRequest& request, std::string_view bucket, std::string_view key,
                        Coverage coverage) {
  std::vector<const QueryParam*> params;
  for (const auto& param : request.query) {
    if (is_signed(param.name, coverage)) {
      params.push_back(&param);
    }
  }
  std::stable_sort(params.begin(), params.end(),
                   [](const auto* a, const auto* b) { return a->name < b->name; });
  std::string resource = resource_path(bucket, key);
  char separator = '?';
  for (const auto* param : params) {
    resource += separator;
    separator = '&';
    resource += param->name;
    if (!param->value.empty()) {
      resource.append("=").append(param->value);
    }
  }
  return resource;
}

std::string v1_string_to_sign(const RawRequest& request, const Claim& claim,
                              std::string_view bucket, std::string_view key, Coverage coverage) {
  std::string text = request.method + "\n" + header_or_empty(request, "content-md5") + "\n" +
                     header_or_empty(request, "content-type") + "\n" + claim.date_text + "\n";
  append_fields(text, canonical_fields(request, is_oss_header));
  return text + v1_resource(request, bucket, key, coverage);
}

/// How a parameter without a value is rendered: clients disagree about "k" and "k=".
enum class Blank : std::uint8_t { Bare, Equals, AsSent };

/// All parameters but the signature, encoded, sorted by their encoded names.
std::string canonical_query(const RawRequest& request, Blank blank) {
  std::vector<std::pair<std::string, std::string>> params;
  params.reserve(request.query.size());
  for (const auto& param : request.query) {
    if (param.name == "x-oss-signature") {
      continue;
    }
    std::string value;
    if (!param.value.empty()) {
      value = "=" + core::percent_encode(param.value);
    } else if (blank == Blank::Equals || (blank == Blank::AsSent && param.has_equals)) {
      value = "=";
    }
    params.emplace_back(core::percent_encode(param.name), std::move(value));
  }
  std::sort(params.begin(), params.end());
  std::string query;
  for (const auto& [name, value] : params) {
    if (!query.empty()) {
      query += '&';
    }
    query.append(name).append(value);
  }
  return query;
}

std::string v2_string_to_sign(const RawRequest& request, const Claim& claim,
                              std::string_view bucket, std::string_view key) {
  std::string text = request.method + "\n" + header_or_empty(request, "content-md5") + "\n" +
                     header_or_empty(request, "content-type") + "\n" + claim.date_text + "\n";
  append_fields(text, canonical_fields(request, [&](std::string_view name) {
                  return is_oss_header(name) ||
                         std::find(claim.signed_headers.begin(), claim.signed_headers.end(),
                                   name) != claim.signed_headers.end();
                }));
  text += joined(claim.signed_headers) + "\n";
  text += core::percent_encode(resource_path(bucket, key));
  const std::string query = canonical_query(request, Blank::Bare);
  return query.empty() ? text : text + "?" + query;
}

std::string v4_canonical_request(const RawRequest& request, const Claim& claim,
                                 std::string_view bucket, std::string_view key, Blank blank,
                                 bool drop_empty_headers) {
  std::string text = request.method + "\n";
  text += core::percent_encode(resource_path(bucket, key), /*keep_slash=*/true) + "\n";
  text += canonical_query(request, blank) + "\n";
  CanonicalFields fields = canonical_fields(request, [&](std::string_view name) {
    return is_oss_header(name) || name == "content-type" || name == "content-md5" ||
           std::find(claim.signed_headers.begin(), claim.signed_headers.end(), name) !=
               claim.signed_headers.end();
  });
  if (drop_empty_headers) {
    fields.erase(std::remove_if(fields.begin(), fields.end(),
                                [](const auto& field) { return field.second.empty(); }),
                 fields.end());
  }
  append_fields(text, fields);
  return text + "\n" + joined(claim.signed_headers) + "\nUNSIGNED-PAYLOAD";
}

std::string v4_string_to_sign(const Claim& claim, std::string_view canonical_request) {
  return "OSS4-HMAC-SHA256\n" + claim.date_text + "\n" + claim.day + "/" + claim.region + "/" +
         claim.product + "/aliyun_v4_request\n" + core::hex(core::sha256(canonical_request));
}

ServiceError mismatch(const Claim& claim, const std::string& string_to_sign) {
  return {403,
          "SignatureDoesNotMatch",
          "The request signature we calculated does not match the signature you provided. Check "
          "your key and signing method.",
          "0002-00000040",
          {{"OSSAccessKeyId", claim.access_key_id},
           {"SignatureProvided", claim.signature},
           {"StringToSign", string_to_sign},
           {"StringToSignBytes", spaced_hex(string_to_sign)}}};
}

std::optional<ServiceError> check_v1(const RawRequest& request, const Claim& claim,
                                     std::string_view secret, std::string_view bucket,
                                     std::string_view key) {
  for (const auto coverage : {Coverage::Listed, Coverage::ListedAndOurs}) {
    const auto text = v1_string_to_sign(request, claim, bucket, key, coverage);
    if (core::equal_constant_time(core::base64(core::hmac_sha1(secret, text)), claim.signature)) {
      return std::nullopt;
    }
  }
  return mismatch(claim, v1_string_to_sign(request, claim, bucket, key, Coverage::Listed));
}

std::optional<ServiceError> check_v2(const RawRequest& request, const Claim& claim,
                                     std::string_view secret, std::string_view bucket,
                                     std::string_view key) {
  const auto text = v2_string_to_sign(request, claim, bucket, key);
  if (core::equal_constant_time(core::base64(core::hmac_sha256(secret, text)), claim.signature)) {
    return std::nullopt;
  }
  return mismatch(claim, text);
}

std::optional<ServiceError> check_v4(const RawRequest& request, const Claim& claim,
                                     std::string_view secret, const SigningKeys& keys,
                                     std::string_view bucket, std::string_view key) {
  const std::string signing_key = keys.derive(claim, secret);
  for (const bool drop_empty_headers : {false, true}) {
    for (const auto blank : {Blank::Bare, Blank::AsSent, Blank::Equals}) {
      const auto text = v4_string_to_sign(
          claim, v4_canonical_request(request, claim, bucket, key, blank, drop_empty_headers));
      if (core::equal_constant_time(core::hex(core::hmac_sha256(signing_key, text)),
                                    claim.signature)) {
        return std::nullopt;
      }
    }
  }
  const auto canonical =
      v4_canonical_request(request, claim, bucket, key, Blank::Bare, /*drop_empty_headers=*/false);
  ServiceError error = mismatch(claim, v4_string_to_sign(claim, canonical));
  error.details.emplace_back("CanonicalRequest", canonical);
  return error;
}

}  // namespace

std::optional<ServiceError> check_oss_signature(const RawRequest& request, const Claim& claim,
                                                std::string_view secret, const SigningKeys& keys,
                                                std::string_view bucket, std::string_view key) {
  switch (claim.scheme) {
    case Scheme::OssV1:
      return check_v1(request, claim, secret, bucket, key);
    case Scheme::OssV2:
      return check_v2(request, claim, secret, bucket, key);
    case Scheme::OssV4:
    case Scheme::S3V4:  // never handed in: the caller takes check_s3_signature
      break;
  }
  return check_v4(request, claim, secret, keys, bucket, key);
}

}  // namespace emulator
