#pragma once
// A client for the authority's tests: signs OSS V1 and V4 and STS RPC by hand.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/digest.h"
#include "unit/emulator/authority_support.h"

namespace emulator {

struct KeyPair {
  std::string id;
  std::string secret;
  std::string token;
};

inline KeyPair base_keys(const Authority& authority) {
  return {authority.identity().access_key_id, authority.identity().access_key_secret, ""};
}

/// GET /bucket/key, V1 header.
inline RawRequest v1_request(const KeyPair& keys, core::WallTime when, const std::string& bucket,
                             const std::string& key) {
  const std::string date = core::format_http_date(when);
  Fields headers = {{"Date", date}};
  std::string text = "GET\n\n\n" + date + "\n";
  if (!keys.token.empty()) {
    headers.emplace_back("x-oss-security-token", keys.token);
    text += "x-oss-security-token:" + keys.token + "\n";
  }
  text += "/" + bucket + "/" + key;
  headers.emplace_back("Authorization",
                       "OSS " + keys.id + ":" + core::base64(core::hmac_sha1(keys.secret, text)));
  return make_request("GET", "/" + bucket + "/" + core::percent_encode(key, true), headers);
}

/// GET /bucket/key, V4 header.
inline RawRequest v4_request(const KeyPair& keys, core::WallTime when, const std::string& bucket,
                             const std::string& key, const std::string& region = "cn-hangzhou") {
  const std::string date = core::format_compact(when);
  const std::string scope = date.substr(0, 8) + "/" + region + "/oss/aliyun_v4_request";
  Fields headers = {{"x-oss-content-sha256", "UNSIGNED-PAYLOAD"}, {"x-oss-date", date}};
  std::string canonical = "GET\n/" + bucket + "/" + core::percent_encode(key, true) +
                          "\n\nx-oss-content-sha256:UNSIGNED-PAYLOAD\nx-oss-date:" + date + "\n";
  if (!keys.token.empty()) {
    headers.emplace_back("x-oss-security-token", keys.token);
    canonical += "x-oss-security-token:" + keys.token + "\n";
  }
  canonical += "\n\nUNSIGNED-PAYLOAD";
  std::string key_text = core::hmac_sha256("aliyun_v4" + keys.secret, date.substr(0, 8));
  for (const std::string& part : {region, std::string("oss"), std::string("aliyun_v4_request")}) {
    key_text = core::hmac_sha256(key_text, part);
  }
  const std::string signature =
      core::hex(core::hmac_sha256(key_text, "OSS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" +
                                                core::hex(core::sha256(canonical))));
  headers.emplace_back("Authorization", "OSS4-HMAC-SHA256 Credential=" + keys.id + "/" + scope +
                                            ",Signature=" + signature);
  return make_request("GET", "/" + bucket + "/" + core::percent_encode(key, true), headers);
}

/// GET /examplebucket/k as a V1 URL; `query` are further parameters, sorted and all signed.
inline RawRequest v1_url(const KeyPair& keys, core::WallTime expires,
                         const std::string& query = {}) {
  const std::string seconds = std::to_string(core::unix_seconds(expires));
  std::string resource = "/examplebucket/k";
  std::string target = "/examplebucket/k?OSSAccessKeyId=" + keys.id + "&Expires=" + seconds;
  std::string signed_query = keys.token.empty() ? "" : "security-token=" + keys.token;
  if (!query.empty()) {
    signed_query += (signed_query.empty() ? "" : "&") + query;
  }
  if (!signed_query.empty()) {
    resource += "?" + signed_query;
    target += "&" + signed_query;
  }
  const std::string signature =
      core::base64(core::hmac_sha1(keys.secret, "GET\n\n\n" + seconds + "\n" + resource));
  return make_request("GET", target + "&Signature=" + core::percent_encode(signature));
}

/// The parameters of a call: name, value.
using Params = std::vector<std::pair<std::string, std::string>>;

/// A signed RPC call, JSON answer, all parameters in the query.
inline RawRequest rpc_request(const KeyPair& keys, core::WallTime when, const std::string& nonce,
                              Params params) {
  const Params common = {{"Format", "JSON"},
                         {"Version", "2015-04-01"},
                         {"AccessKeyId", keys.id},
                         {"SignatureMethod", "HMAC-SHA1"},
                         {"SignatureVersion", "1.0"},
                         {"SignatureNonce", nonce},
                         {"Timestamp", core::format_iso8601(when)}};
  params.insert(params.end(), common.begin(), common.end());
  if (!keys.token.empty()) {
    params.emplace_back("SecurityToken", keys.token);
  }
  std::sort(params.begin(), params.end());
  std::string query;
  for (const auto& [name, value] : params) {
    query +=
        (query.empty() ? "" : "&") + core::percent_encode(name) + "=" + core::percent_encode(value);
  }
  const std::string signature =
      core::base64(core::hmac_sha1(keys.secret + "&", "GET&%2F&" + core::percent_encode(query)));
  return make_request("GET", "/?" + query + "&Signature=" + core::percent_encode(signature),
                      {{"Host", "sts.aliyuncs.com"}});
}

struct StsAnswer {
  int status = 0;
  nlohmann::json body;
  [[nodiscard]] std::string code() const { return body.value("Code", std::string()); }
  [[nodiscard]] KeyPair keys() const {
    const auto& credentials = body.at("Credentials");
    return {credentials.at("AccessKeyId"), credentials.at("AccessKeySecret"),
            credentials.at("SecurityToken")};
  }
};

inline StsAnswer send(Authority& authority, const RawRequest& request,
                      core::Duration clock_offset = {}) {
  std::string operation;
  const Answer answer = authority.sts(request, "", clock_offset, operation);
  return {answer.status, nlohmann::json::parse(answer.body, nullptr, false)};
}

/// AssumeRole with a nonce of its own.
inline StsAnswer assume(Authority& authority, const KeyPair& keys, core::WallTime when,
                        const std::string& role_arn, Params more = {}) {
  static int nonce = 0;
  Params params = {{"Action", "AssumeRole"}, {"RoleArn", role_arn}};
  const bool named = std::any_of(
      more.begin(), more.end(), [](const auto& param) { return param.first == "RoleSessionName"; });
  if (!named) {
    params.emplace_back("RoleSessionName", "session");
  }
  params.insert(params.end(), more.begin(), more.end());
  return send(authority,
              rpc_request(keys, when, "nonce-" + std::to_string(++nonce), std::move(params)));
}

}  // namespace emulator
