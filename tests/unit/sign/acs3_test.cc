#include "sign/acs3.h"

#include <gmock/gmock.h>

#include "core/digest.h"
#include "sign/signer.h"

namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const core::WallTime kNow = *core::parse_iso8601("2024-01-02T03:04:05Z");
constexpr const char* kNonce = "0123456789abcdef0123456789abcdef";

http::Request assume_role() {
  http::Request request;
  request.method = "POST";
  request.origin = {"https", "sts.cn-hangzhou.aliyuncs.com", 443};
  request.query = {{"DurationSeconds", "3600"},
                   {"RoleArn", "acs:ram::123456789012:role/ossrole"},
                   {"RoleSessionName", "ossmount"}};
  return request;
}

// ACS3-1: an SDK's unit test, without a host.
TEST(Acs3Signature, SignsTheSdksOwnExample) {
  http::Request request;
  request.method.clear();
  request.path.clear();
  request.query = {{"test", "ok"}, {"empty", ""}};
  request.headers.add("x-acs-test", "http");
  request.headers.add("x-acs-TEST", "https");
  const std::string canonical = sign::acs3_canonical_request(
      request, "55e12e91650d2fec56ec74e1d3e4ddbfce2ef3a65890c2a19ecf88a307e76a23");
  EXPECT_THAT(canonical, HasSubstr("\n/\nempty=&test=ok\nx-acs-test:http,https\n\nx-acs-test\n"));
  EXPECT_EQ(sign::acs3_signature(sign::acs3_string_to_sign(canonical), core::Secret("secret")),
            "4ab59fffe3c5738ff8a2729f90cc04fe18b02a4b15b2102cbaf92f9ff3df2ea3");
}

// ACS3-2: "Request syntax and signature method V3".
TEST(Acs3Signature, SignsThePublishedExample) {
  http::Request request;
  request.method = "POST";
  request.origin = {"https", "ecs.cn-shanghai.aliyuncs.com", 443};
  request.query = {{"ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"},
                   {"RegionId", "cn-shanghai"}};
  sign::sign_acs3(request, {"RunInstances", "2014-05-26", "3156853299f313e23d1673dc12e1703d", ""},
                  {"YourAccessKeyId", core::Secret("YourAccessKeySecret"), {}},
                  *core::parse_iso8601("2023-10-26T10:22:32Z"));
  EXPECT_EQ(core::hex(core::sha256(sign::acs3_canonical_request(
                request, *request.headers.get("x-acs-content-sha256")))),
            "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259");
  EXPECT_THAT(
      std::string(*request.headers.get("Authorization")),
      HasSubstr("Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"));
}

// ACS3-3 and ACS3-4 are regression values of code that gives the two above.
TEST(Acs3Signature, SignsAssumeRole) {
  http::Request request = assume_role();
  sign::sign_acs3(request, {"AssumeRole", "2015-04-01", kNonce, ""},
                  {"testid", core::Secret("testsecret"), {}}, kNow);
  EXPECT_EQ(request.headers.get("Authorization"),
            "ACS3-HMAC-SHA256 Credential=testid,"
            "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
            "x-acs-signature-nonce;x-acs-version,"
            "Signature=b69de35a5cf6b6a1a631b55f3dde50b76a50b7babbd3d108aef0dce03fbc3dd2");
}

TEST(Acs3Signature, CarriesTheTokenOfATemporaryCaller) {
  http::Request request = assume_role();
  sign::sign_acs3(request, {"AssumeRole", "2015-04-01", kNonce, ""},
                  {"STS.tmpid", core::Secret("testsecret"), core::Secret("tmptoken==")}, kNow);
  EXPECT_EQ(request.headers.get("x-acs-security-token"), "tmptoken==");
  EXPECT_THAT(
      std::string(*request.headers.get("Authorization")),
      HasSubstr("Signature=84c11ca5f9104c4a859b95195eaa702f18712139f6ad3d0bb964b34306f71847"));
}

TEST(Acs3Signature, HashesTheBodyAndSignsItsType) {
  http::Request request = assume_role();
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  sign::sign_acs3(request, {"AssumeRole", "2015-04-01", kNonce, "a=b"},
                  {"testid", core::Secret("testsecret"), {}}, kNow);
  EXPECT_EQ(request.headers.get("x-acs-content-sha256"), core::hex(core::sha256("a=b")));
  EXPECT_THAT(std::string(*request.headers.get("Authorization")),
              HasSubstr("SignedHeaders=content-type;host;"));
}

TEST(Acs3Signature, IsLeftOutForNobody) {
  http::Request request = assume_role();
  sign::sign_acs3(request, {"AssumeRole", "2015-04-01", kNonce, ""}, {}, kNow);
  EXPECT_EQ(request.headers.get("x-acs-action"), "AssumeRole");
  EXPECT_FALSE(request.headers.get("Authorization"));
}

}  // namespace
