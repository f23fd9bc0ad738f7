// STS signatures, RPC 1.0 and ACS3, against published vectors.
#include <gmock/gmock.h>

#include "core/digest.h"
#include "emulator/account/signature_rpc.h"
#include "unit/emulator/authority_support.h"

namespace emulator {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

CallClaim rpc_claim(std::string signature) {
  CallClaim claim;
  claim.signature = std::move(signature);
  return claim;
}

std::optional<ServiceError> check_rpc(const RawRequest& request, std::string_view body,
                                      std::string_view secret, const std::string& signature) {
  return check_call_signature(request, call_params(request, body), body, rpc_claim(signature),
                              secret);
}

const std::string kRpc1 =
    "Action=AssumeRole&Format=JSON&RoleArn=acs%3Aram%3A%3A1234567890123%3Arole%2Ffirstrole&"
    "RoleSessionName=client&Timestamp=2015-09-01T05%3A57%3A34Z&"
    "SignatureNonce=571f8fb8-506e-11e5-8e12-b8e8563dc8d2&SignatureMethod=HMAC-SHA1&"
    "SignatureVersion=1.0&Version=2015-04-01&AccessKeyId=testid&Signature=ignored";
const std::string kRpc3 =
    "Action=DescribeRegions&Format=XML&Timestamp=2016-02-23T12%3A46%3A24Z&AccessKeyId=testid&"
    "SignatureNonce=3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf&SignatureMethod=HMAC-SHA1&"
    "SignatureVersion=1.0&Version=2014-05-26";
const std::string kRpc5 =
    "Action=AssumeRole&Format=JSON&Timestamp=2024-01-02T03%3A04%3A05Z&AccessKeyId=testid&"
    "RoleArn=acs%3Aram%3A%3A123456789012%3Arole%2Fossrole&RoleSessionName=ossmount&"
    "SignatureNonce=nonce-1&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&Version=2015-04-01&"
    "DurationSeconds=900&Policy=%7B%22Version%22%3A%221%22%2C%22Statement%22%3A%5B%7B%22Effect%22"
    "%3A%22Allow%22%2C%22Action%22%3A%5B%22oss%3AGetObject%22%5D%2C%22Resource%22%3A%5B%22acs%3A"
    "oss%3A*%3A*%3Ab%2Fa+b*%7E%2B%22%5D%7D%5D%7D";

TEST(RpcSignature, AcceptsThePublishedVectors) {
  const auto get = [](const std::string& query) { return make_request("GET", "/?" + query); };
  EXPECT_EQ(check_rpc(get(kRpc1), "", "testsecret", "gNI7b0AyKZHxDgjBGPDgJ1Ce3L4="), std::nullopt);
  EXPECT_EQ(check_rpc(make_request("POST", "/?" + kRpc1), "", "testsecret",
                      "gyoTXBqArvZT/gKwPjXIYR9ZuB0="),
            std::nullopt);
  EXPECT_EQ(check_rpc(get(kRpc3), "", "testsecret", "OLeaidS1JvxuMvnyHOwuJ+uX5qY="), std::nullopt);
  EXPECT_EQ(check_rpc(make_request("", "/?test=ok"), "", "accessKeySecret",
                      "jHx/oHoHNrbVfhncHEvPdHXZwHU="),
            std::nullopt);
}

TEST(RpcSignature, ParametersMayComeInQueryFormOrBoth) {
  const std::string signature = "n3EF+stXNnMOtJ0FZvOJlBsLcYw=";
  const Fields form = {{"Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"}};
  EXPECT_EQ(check_rpc(make_request("POST", "/?" + kRpc5), "", "testsecret", signature),
            std::nullopt);
  EXPECT_EQ(check_rpc(make_request("POST", "/", form), kRpc5, "testsecret", signature),
            std::nullopt);
  const auto half = kRpc5.find("&RoleArn");
  EXPECT_EQ(check_rpc(make_request("POST", "/?" + kRpc5.substr(0, half), form),
                      kRpc5.substr(half + 1), "testsecret", signature),
            std::nullopt);
  EXPECT_NE(check_rpc(make_request("POST", "/", {{"Content-Type", "text/plain"}}), kRpc5,
                      "testsecret", signature),
            std::nullopt);
}

TEST(RpcSignature, ABlankParameterKeepsItsEqualsSign) {
  const auto request = make_request("GET", "/?SignatureType=&A=1");
  const auto text = "GET&%2F&A%3D1%26SignatureType%3D";
  EXPECT_EQ(check_rpc(request, "", "s", core::base64(core::hmac_sha1("s&", text))), std::nullopt);
}

TEST(RpcSignature, AMismatchEndsInTheStringToSign) {
  const auto error = check_rpc(make_request("GET", "/?" + kRpc1), "", "other", "x");
  EXPECT_EQ(error->status, 400);
  EXPECT_EQ(error->code, "SignatureDoesNotMatch");
  EXPECT_THAT(error->message,
              HasSubstr("server string to sign is:GET&%2F&AccessKeyId%3Dtestid%26Action"));
  EXPECT_THAT(error->message, EndsWith("%26Version%3D2015-04-01"));
}

Fields acs3_headers() {
  return {
      {"Host", "sts.cn-hangzhou.aliyuncs.com"},
      {"x-acs-action", "AssumeRole"},
      {"x-acs-version", "2015-04-01"},
      {"x-acs-date", "2024-01-02T03:04:05Z"},
      {"x-acs-signature-nonce", "0123456789abcdef0123456789abcdef"},
      {"x-acs-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}};
}
const std::string kAcs3Signed =
    "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version";
const std::string kAcs3Target =
    "/?DurationSeconds=3600&RoleArn=acs%3Aram%3A%3A123456789012%3Arole%2Fossrole&"
    "RoleSessionName=ossmount";

std::optional<ServiceError> check_acs3(Fields headers, const std::string& target,
                                       const std::string& signed_headers, std::string_view secret,
                                       const std::string& signature, std::string_view body = {}) {
  headers.emplace_back("Authorization", "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=" +
                                            signed_headers + ",Signature=" + signature);
  const RawRequest request = make_request("POST", target, headers);
  const CallParams params = call_params(request, body);
  const auto read = read_call_claim(request, params);
  if (const auto* error = std::get_if<ServiceError>(&read)) {
    return *error;
  }
  return check_call_signature(request, params, body, std::get<CallClaim>(read), secret);
}

TEST(Acs3Signature, AcceptsThePublishedVectors) {
  Fields run_instances = acs3_headers();
  run_instances[0].second = "ecs.cn-shanghai.aliyuncs.com";
  run_instances[1].second = "RunInstances";
  run_instances[2].second = "2014-05-26";
  run_instances[3].second = "2023-10-26T10:22:32Z";
  run_instances[4].second = "3156853299f313e23d1673dc12e1703d";
  EXPECT_EQ(check_acs3(run_instances,
                       "/?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&"
                       "RegionId=cn-shanghai",
                       kAcs3Signed, "YourAccessKeySecret",
                       "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"),
            std::nullopt);
  EXPECT_EQ(check_acs3(acs3_headers(), kAcs3Target, kAcs3Signed, "testsecret",
                       "b69de35a5cf6b6a1a631b55f3dde50b76a50b7babbd3d108aef0dce03fbc3dd2"),
            std::nullopt);
  Fields with_token = acs3_headers();
  with_token.emplace_back("x-acs-accesskey-id", "STS.tmpid");
  with_token.emplace_back("x-acs-security-token", "tmptoken==");
  EXPECT_EQ(
      check_acs3(with_token, kAcs3Target,
                 "host;x-acs-accesskey-id;x-acs-action;x-acs-content-sha256;x-acs-date;"
                 "x-acs-security-token;x-acs-signature-nonce;x-acs-version",
                 "testsecret", "84c11ca5f9104c4a859b95195eaa702f18712139f6ad3d0bb964b34306f71847"),
      std::nullopt);
}

// The vector of a client's unit test: no method, no path, a header that comes twice.
TEST(Acs3Signature, JoinsRepeatedHeaders) {
  RawRequest request = make_request("", "?test=ok&empty=");
  request.headers = {
      {"x-acs-test", "http"},
      {"x-acs-TEST", "https"},
      {"x-acs-content-sha256", "55e12e91650d2fec56ec74e1d3e4ddbfce2ef3a65890c2a19ecf88a307e76a23"}};
  CallClaim claim;
  claim.acs3 = true;
  claim.signed_headers = {"x-acs-test"};
  claim.signature = "4ab59fffe3c5738ff8a2729f90cc04fe18b02a4b15b2102cbaf92f9ff3df2ea3";
  const auto error = check_call_signature(request, request.query, "", claim, "secret");
  // The signature holds; only the body is not the one that was hashed.
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, "IncompleteSignature");
  claim.signature[0] = '5';
  EXPECT_EQ(check_call_signature(request, request.query, "", claim, "secret")->code,
            "SignatureDoesNotMatch");
}

TEST(Acs3Signature, WhatItStandsOnMustBeSigned) {
  const auto error =
      check_acs3(acs3_headers(), kAcs3Target, "host;x-acs-action;x-acs-date", "testsecret", "00");
  EXPECT_EQ(error->code, "IncompleteSignature");
  EXPECT_THAT(error->message, HasSubstr("x-acs-version"));
}

TEST(Acs3Signature, AnotherBodyThanTheOneHashedIsRefused) {
  const auto error = check_acs3(acs3_headers(), kAcs3Target, kAcs3Signed, "testsecret",
                                "b69de35a5cf6b6a1a631b55f3dde50b76a50b7babbd3d108aef0dce03fbc3dd2",
                                "RoleArn=other");
  EXPECT_EQ(error->code, "IncompleteSignature");
}

struct Missing {
  std::string query;
  std::string code;
};

TEST(RpcSignature, WhatIsMissingIsNamed) {
  const std::string all = "AccessKeyId=a&Signature=b&SignatureNonce=c&SignatureMethod=HMAC-SHA1";
  const Missing rows[] = {
      {"Action=AssumeRole", "MissingAccessKeyId"},
      {"AccessKeyId=a", "MissingSignature"},
      {all, "MissingTimestamp"},
      {all + "&Timestamp=yesterday", "InvalidTimeStamp.Format"},
      {"AccessKeyId=a&Signature=b&SignatureNonce=c&SignatureMethod=MD5&Timestamp=x",
       "InvalidParameter.SignatureMethod"},
  };
  for (const auto& row : rows) {
    const RawRequest request = make_request("GET", "/?" + row.query);
    const auto read = read_call_claim(request, request.query);
    ASSERT_TRUE(std::holds_alternative<ServiceError>(read)) << row.query;
    EXPECT_EQ(std::get<ServiceError>(read).code, row.code);
  }
}

}  // namespace
}  // namespace emulator
