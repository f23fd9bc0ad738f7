#include "sign/oss_v4.h"

#include <gtest/gtest.h>

#include "core/digest.h"
#include "sign/canonical.h"
#include "sign/signer.h"

namespace {

using http::QueryParam;
using http::Request;
using sign::Credentials;
using sign::Scope;

Credentials keys(std::string id, std::string secret, std::string token = {}) {
  return {std::move(id), core::Secret(std::move(secret)), core::Secret(std::move(token))};
}
const Credentials kAk = keys("ak", "sk");
const Credentials kAkToken = keys("ak", "sk", "token");
const Credentials kSts = keys("STS.testid", "testsecret", "CAIS+tok/en==");
const Credentials kLongLived = keys("STS.testid", "testsecret");

const std::vector<QueryParam> kSixParameters = {{"param1", "value1"},  {"|param1", "value4"},
                                                {"+param1", "value3"}, {"+param2", std::nullopt},
                                                {"|param2", ""},       {"param2", std::nullopt}};
const http::Headers kHeaders{{"x-oss-head1", "value"},
                             {"abc", "value"},
                             {"ZAbc", "value"},
                             {"XYZ", "value"},
                             {"content-type", "text/plain"}};
const http::Headers kBinary{{"x-oss-head1", "value"},
                            {"abc", "value"},
                            {"ZAbc", "value"},
                            {"XYZ", "value"},
                            {"content-type", "application/octet-stream"}};
const http::Headers kCSdk{{"x-oss-head1", "value"}, {"content-type", "application/octet-stream"}};
const std::string kKey = "1234+-/123/1.txt";
const std::string kCKey = "test-sign-V4/-!@#$%^&*()/abcdefjhijklmnoqprstuvwxyz/123456789";
const Scope kScope{"bucket", kKey, "cn-hangzhou"};
const Scope kBox{"bucket", kKey, "cb-123", "oss-cloudbox"};

struct Vector {
  const char* name;
  Credentials credentials;
  std::string method;
  Scope scope;
  std::vector<QueryParam> query;
  http::Headers headers;
  std::string when;  ///< compact, or unix seconds
  std::vector<std::string> additional;
  std::string signature;
};
std::ostream& operator<<(std::ostream& out, const Vector& vector) { return out << vector.name; }

core::WallTime instant(const std::string& when) {
  return core::parse_compact(when).value_or(
      core::wall_from_unix(std::strtoll(when.c_str(), nullptr, 10)));
}
Request request_of(const Vector& v) {
  Request request;
  request.method = v.method;
  request.origin = {"https", "examplebucket.oss-cn-hangzhou.aliyuncs.com", 443};
  request.query = v.query;
  request.headers = v.headers;
  return request;
}

class OssV4Header : public ::testing::TestWithParam<Vector> {};

TEST_P(OssV4Header, SignsAsPublished) {
  const Vector& v = GetParam();
  Request request = request_of(v);
  sign::oss_v4_header(request, v.credentials, v.scope, instant(v.when), v.additional);
  const std::string_view sent = request.headers.get("Authorization").value_or("");
  EXPECT_TRUE(sent.ends_with(",Signature=" + v.signature))
      << sent << '\n'
      << sign::oss_v4_canonical_request(request, v.scope,
                                        sign::oss_v4_additional(request, v.additional));
}

// Source: the official SDKs' own tests: Go, Python, C++ and PHP (V4_*, V4Q_*), C (V4C_*). C_* are
// regression values of code that gives all of those.
INSTANTIATE_TEST_SUITE_P(
    Vectors, OssV4Header,
    ::testing::Values(Vector{"V4_1",
                             kAk,
                             "PUT",
                             kScope,
                             kSixParameters,
                             kHeaders,
                             "1702743657",
                             {},
                             "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe"},
                      Vector{"V4_2",
                             kAkToken,
                             "PUT",
                             kScope,
                             kSixParameters,
                             kHeaders,
                             "1702784856",
                             {},
                             "b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea"},
                      Vector{"V4_3",
                             kAk,
                             "PUT",
                             kScope,
                             kSixParameters,
                             kHeaders,
                             "1702747512",
                             {"ZAbc", "abc", "absent", "Content-Type"},
                             "4a4183c187c07c8947db7620deb0a6b38d9fbdd34187b6dbaccb316fa251212f"},
                      Vector{"V4_4",
                             kAk,
                             "PUT",
                             kBox,
                             kSixParameters,
                             kHeaders,
                             "1702743657",
                             {},
                             "94ce1f12c17d148ea681030275a94449d3357f5b5b21133996eec80af3e08a43"},
                      Vector{"V4C_1",
                             kAk,
                             "PUT",
                             {"oss-bucket-test", kCKey, "cn-hangzhou"},
                             kSixParameters,
                             kCSdk,
                             "20221016T040719Z",
                             {},
                             "16e58322c5aafb55edd82813b02d6521caab8194882c786bf0e77b7987a63979"},
                      Vector{"V4C_2",
                             kAk,
                             "PUT",
                             {"oss-bucket-test", kCKey, "cn-hangzhou"},
                             {},
                             kCSdk,
                             "20221016T091431Z",
                             {},
                             "5028172a0a3806285979896982bee6e36e915cbf428ee7100a809e1f0ff43b64"},
                      Vector{"V4C_3",
                             kAk,
                             "PUT",
                             {"oss-bucket-test", kCKey, "cloudbox-id", "oss-cloudbox"},
                             kSixParameters,
                             kCSdk,
                             "20221016T091831Z",
                             {},
                             "939eae7d5012d444c8d1dd8c68811275928f780a859e41ddbe52cf10a100adb4"},
                      Vector{"C_1",
                             kSts,
                             "GET",
                             {"examplebucket", "dir one/ü+文件.txt", "cn-hangzhou"},
                             {},
                             {{"Range", "bytes=0-99"}},
                             "20240102T030405Z",
                             {},
                             "ce85130625467ebe3f72e6efdf233b25570c39aab476adc50690d599fabbdacb"},
                      Vector{"C_2",
                             kSts,
                             "GET",
                             {"examplebucket", "dir one/ü+文件.txt", "cn-hangzhou"},
                             {},
                             {{"Range", "bytes=0-99"}},
                             "20240102T030405Z",
                             {"host", "range"},
                             "b0ebddaacc1cab35aa62458b14e957230301f7064c540b1eb45fa4491e60bc45"},
                      Vector{"C_3",
                             kSts,
                             "GET",
                             {"examplebucket", "", "cn-hangzhou"},
                             {{"list-type", "2"},
                              {"prefix", "dir/"},
                              {"delimiter", "/"},
                              {"max-keys", "1000"},
                              {"encoding-type", "url"},
                              {"continuation-token", "CgJiYw--"}},
                             {},
                             "20240102T030405Z",
                             {},
                             "934f09ec9d1db3ef8c1d6148c2fa7467752cb39666285a383072d09da7e94f81"},
                      Vector{"C_4",
                             kLongLived,
                             "GET",
                             {"", "", "cn-hangzhou"},
                             {},
                             {},
                             "20240102T030405Z",
                             {},
                             "93bd8a81da20cae3d83086e29ad05b1cea1331f8c5635d9814e3bf385053bae0"},
                      Vector{"C_5",
                             kSts,
                             "PUT",
                             {"examplebucket", "big.bin", "cn-hangzhou"},
                             {{"partNumber", "1"}, {"uploadId", "0004B9895DBBB6EC98E36"}},
                             {{"Content-MD5", "XrY7u+Ae7tCTyyK7j1rNww=="},
                              {"Content-Type", "application/octet-stream"}},
                             "20240102T030405Z",
                             {},
                             "96ad4ec4687321ed6e6ee73c924150b7dc89c685aecb277e0856d39d4ffd54b5"}),
    [](const auto& row) { return std::string(row.param.name); });

class OssV4Query : public ::testing::TestWithParam<Vector> {};

TEST_P(OssV4Query, SignsAsPublished) {
  const Vector& v = GetParam();
  Request request = request_of(v);
  const auto lifetime = std::chrono::seconds{std::string_view(v.name) == "C_6" ? 3600 : 599};
  sign::sign_query(request, v.credentials, sign::Scheme::OssV4, v.scope, instant(v.when), lifetime,
                   v.additional);
  EXPECT_EQ(request.query.back().name, "x-oss-signature");
  EXPECT_EQ(request.query.back().value, v.signature) << sign::oss_v4_canonical_request(
      request, v.scope, sign::oss_v4_additional(request, v.additional));
}

INSTANTIATE_TEST_SUITE_P(
    Vectors, OssV4Query,
    ::testing::Values(Vector{"V4Q_1",
                             kAk,
                             "PUT",
                             kScope,
                             kSixParameters,
                             kBinary,
                             "1702781677",
                             {},
                             "a39966c61718be0d5b14e668088b3fa07601033f6518ac7b523100014269c0fe"},
                      Vector{"V4Q_2",
                             kAkToken,
                             "PUT",
                             kScope,
                             kSixParameters,
                             kBinary,
                             "1702785388",
                             {},
                             "3817ac9d206cd6dfc90f1c09c00be45005602e55898f26f5ddb06d7892e1f8b5"},
                      Vector{"V4Q_3",
                             kAk,
                             "PUT",
                             kScope,
                             kSixParameters,
                             kBinary,
                             "1702783809",
                             {"abc", "ZAbc"},
                             "6bd984bfe531afb6db1f7550983a741b103a8c58e5e14f83ea474c2322dfa2b7"},
                      Vector{"V4Q_4",
                             kAk,
                             "PUT",
                             kBox,
                             kSixParameters,
                             kBinary,
                             "1702781677",
                             {"abc", "ZAbc"},
                             "07284191b9b4978ac3520cd39ee2dea2747eda454089359371ff463a6c7ba20f"},
                      Vector{"V4Q_5",
                             kAk,
                             "PUT",
                             kBox,
                             kSixParameters,
                             kBinary,
                             "1702783809",
                             {"abc", "ZAbc"},
                             "16782cc8a7a554523db055eb804b508522e7e370073108ad88ee2f47496701dd"},
                      Vector{"C_6",
                             kSts,
                             "GET",
                             {"examplebucket", "exampledir/exampleobject.txt", "cn-hangzhou"},
                             {{"response-content-disposition", "attachment; filename=\"a b.txt\""},
                              {"x-oss-traffic-limit", "819200"}},
                             {},
                             "20240102T030405Z",
                             {"host"},
                             "62d45044f9e981aad583ac7308bb8add3ef915ee3cb4969f479f9e2943617c8b"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(OssV4, HasThePublishedIntermediateValues) {
  Request request;
  request.method = "PUT";
  request.query = kSixParameters;
  request.headers = kHeaders;
  const auto now = core::wall_from_unix(1'702'743'657);
  const std::string canonical =
      sign::canonical_request(request, kAk, sign::Scheme::OssV4, kScope, now);
  EXPECT_EQ(canonical,
            "PUT\n/bucket/1234%2B-/123/1.txt\n"
            "%2Bparam1=value3&%2Bparam2&%7Cparam1=value4&%7Cparam2&param1=value1&param2\n"
            "content-type:text/plain\nx-oss-content-sha256:UNSIGNED-PAYLOAD\n"
            "x-oss-date:20231216T162057Z\nx-oss-head1:value\n\n\nUNSIGNED-PAYLOAD");
  EXPECT_EQ(core::hex(core::sha256(canonical)),
            "f4613657f1b108998e8dbd10a1aa5da621dc2c6e02c9ddec0f163664848704c4");
  EXPECT_EQ(sign::string_to_sign(request, kAk, sign::Scheme::OssV4, kScope, now),
            "OSS4-HMAC-SHA256\n20231216T162057Z\n20231216/cn-hangzhou/oss/aliyun_v4_request\n"
            "f4613657f1b108998e8dbd10a1aa5da621dc2c6e02c9ddec0f163664848704c4");
}

TEST(SigningKey, IsDerivedForSecretDayRegionAndProduct) {
  const auto key = [](const char* secret, const char* day, const char* region) {
    return core::hex(sign::signing_key(core::Secret(secret),
                                       {"aliyun_v4", day, region, "oss", "aliyun_v4_request"})
                         .reveal());
  };
  for (int again = 0; again < 2; ++again) {  // derived, then remembered
    EXPECT_EQ(key("sk", "20231216", "cn-hangzhou"),
              "b412a03b134ebddd720f5167b5de6db66620ebb3b01cff4d49e3ccb09f8de97f");
    EXPECT_EQ(key("sk", "20231217", "cn-hangzhou"),
              "0e11d77e422d3484e84ee6b628fdf2a85f3788e1a597f23116b477efb407e94e");
    EXPECT_EQ(key("testsecret", "20240102", "cn-hangzhou"),
              "aecbc06ab08c62f5f2db060e660ebd50a286d4444c9f700b28cc54ff8ee0e7ba");
    for (int i = 0; i < 20; ++i) {  // more than are remembered
      EXPECT_NE(key("sk", "20231216", ("other-" + std::to_string(i)).c_str()),
                key("sk", "20231216", "cn-hangzhou"));
    }
  }
}

}  // namespace
