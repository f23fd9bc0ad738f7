// Published vectors of OSS signatures, checked through the code that reads real requests.
#include <gmock/gmock.h>

#include "core/digest.h"
#include "emulator/account/signature_oss.h"
#include "unit/emulator/authority_support.h"

namespace emulator {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

struct Vector {
  std::string name;
  std::string method;
  std::string target;
  Fields headers;  ///< without Authorization
  std::string bucket;
  std::string key;
  std::string secret;
  std::string authorization;  ///< "{}" stands for the signature; empty: the target is signed
  std::string signature;
};

std::string filled(std::string text, std::string_view signature) {
  const auto at = text.find("{}");
  return at == std::string::npos ? text : text.replace(at, 2, signature);
}

RawRequest signed_request(const Vector& vector, const std::string& signature) {
  Fields headers = vector.headers;
  if (!vector.authorization.empty()) {
    headers.emplace_back("Authorization", filled(vector.authorization, signature));
  }
  return make_request(vector.method, filled(vector.target, core::percent_encode(signature)),
                      headers);
}

std::optional<ServiceError> check(const Vector& vector, const std::string& signature) {
  const RawRequest request = signed_request(vector, signature);
  const Presented presented = read_claim(request);
  if (const auto* error = std::get_if<ServiceError>(&presented)) {
    return *error;
  }
  const SigningKeys keys;
  return check_oss_signature(request, std::get<Claim>(presented), vector.secret, keys,
                             vector.bucket, vector.key);
}

const Fields kV1Put = {{"Content-MD5", "eB5eJF1ptWaXm4bijSPyxw=="},
                       {"Content-Type", "text/html"},
                       {"Date", "Wed, 28 Dec 2022 10:27:41 GMT"},
                       {"x-oss-date", "Wed, 28 Dec 2022 10:27:41 GMT"},
                       {"x-oss-meta-author", "alice"},
                       {"x-oss-meta-magic", "abracadabra"}};
const Fields kV1Get = {{"x-oss-date", "Wed, 28 Dec 2022 10:27:41 GMT"}};

Fields with(Fields fields, std::string name, std::string value) {
  fields.emplace_back(std::move(name), std::move(value));
  return fields;
}

const std::string kSix =
    "?param1=value1&%7Cparam1=value4&%2Bparam1=value3&%2Bparam2=&%7Cparam2=&param2=";
const std::string kV4Key = "1234+-/123/1.txt";
const std::string kV4Path = "/1234%2B-/123/1.txt";

Fields v4_headers(std::string date) {
  return {{"x-oss-head1", "value"},
          {"abc", "value"},
          {"ZAbc", "value"},
          {"XYZ", "value"},
          {"content-type", "text/plain"},
          {"x-oss-content-sha256", "UNSIGNED-PAYLOAD"},
          {"x-oss-date", std::move(date)}};
}
Fields c_headers(std::string date) {
  return {{"x-oss-head1", "value"},
          {"x-oss-date", std::move(date)},
          {"x-oss-content-sha256", "UNSIGNED-PAYLOAD"},
          {"content-type", "application/octet-stream"}};
}
const Fields kUrlHeaders = {{"x-oss-head1", "value"},
                            {"content-type", "application/octet-stream"},
                            {"abc", "value"},
                            {"ZAbc", "value"},
                            {"XYZ", "value"}};

std::string v4_auth(const std::string& id, const std::string& scope, const std::string& more = {}) {
  return "OSS4-HMAC-SHA256 Credential=" + id + "/" + scope + "/aliyun_v4_request" +
         (more.empty() ? "" : ",AdditionalHeaders=" + more) + ",Signature={}";
}
std::string v4_url(const std::string& scope, const std::string& date,
                   const std::string& more = {}) {
  return kV4Path + kSix + "&x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential=" +
         core::percent_encode("ak/" + scope + "/aliyun_v4_request") + "&x-oss-date=" + date +
         "&x-oss-expires=599" + more + "&x-oss-signature={}";
}

const std::string kToken = "CAIS+tok/en==";
const std::string kOddKey = "dir one/ü+文件.txt";
const std::string kOddPath = "/dir%20one/%C3%BC%2B%E6%96%87%E4%BB%B6.txt";
const std::string kOurs = "20240102/cn-hangzhou/oss";
const std::string kCKey = "test-sign-V4/-!@#$%^&*()/abcdefjhijklmnoqprstuvwxyz/123456789";
const Fields kOurV4 = {{"x-oss-content-sha256", "UNSIGNED-PAYLOAD"},
                       {"x-oss-date", "20240102T030405Z"}};
const Fields kOurV4Token = with(kOurV4, "x-oss-security-token", kToken);
const Fields kOurV1 = {{"Date", "Tue, 02 Jan 2024 03:04:05 GMT"}};
const Fields kOurV1Token = with(kOurV1, "x-oss-security-token", kToken);
Fields part(const Fields& fields) {
  return with(with(fields, "Content-MD5", "XrY7u+Ae7tCTyyK7j1rNww=="), "Content-Type",
              "application/octet-stream");
}

std::vector<Vector> vectors() {
  const std::string v1 = "OSS ak:{}";
  const std::string ours_v1 = "OSS STS.testid:{}";
  const auto ours = [](const std::string& more = {}) { return v4_auth("STS.testid", kOurs, more); };
  const std::string bucket = "examplebucket";
  return {
      {"V1_1", "PUT", "/nelson", kV1Put, bucket, "nelson", "sk", v1,
       "kSHKmLxlyEAKtZPkJhG9bZb5k7M="},
      {"V1_2", "PUT", "/nelson?acl", kV1Put, bucket, "nelson", "sk", v1,
       "/afkugFbmWDQ967j1vr6zygBLQk="},
      {"V1_3", "PUT", "/nelson", with(kV1Put, "x-oss-security-token", "token"), bucket, "nelson",
       "sk", v1, "H3PAlN3Vucn74tPVEqaQC4AnLwQ="},
      {"V1_4", "PUT", "/nelson?acl", with(kV1Put, "x-oss-security-token", "token"), bucket,
       "nelson", "sk", v1, "yeceHMAsgusDPCR979RJcLtd7RI="},
      {"V1_5", "GET", "/?resourceGroup", kV1Get, bucket, "", "sk", v1,
       "vkQmfuUDyi1uDi3bKt67oemssIs="},
      {"V1_6", "GET", "/?resourceGroup&acl=", kV1Get, bucket, "", "sk", v1,
       "x3E5TgOvl/i7PN618s5mEvpJDYk="},
      {"V1_7",
       "PUT",
       "/nelson",
       {{"Content-Md5", "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM="},
        {"Content-Type", "text/html"},
        {"Date", "Thu, 17 Nov 2005 18:49:58 GMT"},
        {"X-OSS-Meta-Author", "foo@bar.com"},
        {"X-OSS-Magic", "abracadabra"}},
       "oss-example",
       "nelson",
       "OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV",
       "OSS 44CF9590006BF252F707:{}",
       "26NBxoKdsyly4EDv6inkoDft/yA="},
      {"V1Q_1",
       "GET",
       "/key?Expires=1699807420&OSSAccessKeyId=ak&versionId=versionId&Signature={}",
       {},
       "bucket",
       "key",
       "sk",
       "",
       "dcLTea+Yh9ApirQ8o8dOPqtvJXQ="},
      {"V1Q_2",
       "GET",
       "/key%2B123?Expires=1699808204&OSSAccessKeyId=ak&Signature={}&security-token=token&"
       "versionId=versionId",
       {},
       "bucket",
       "key+123",
       "sk",
       "",
       "jzKYRrM5y6Br0dRFPaTGOsbrDhY="},
      {"V1Q_3",
       "GET",
       "/key?versionId=versionId?param1=value1&response-content-disposition=attachment%3B%"
       "20filename%3Dexample.txt&security-token=token&Expires=1699808204&OSSAccessKeyId=ak&"
       "Signature={}",
       {{"Content-Type", "application/octet-stream"}, {"x-oss-head1", "value"}},
       "bucket",
       "key",
       "sk",
       "",
       "3GJoEOv5LX2ASp0HJk/hAk+qLJc="},
      {"V4_1", "PUT", kV4Path + kSix, v4_headers("20231216T162057Z"), "bucket", kV4Key, "sk",
       v4_auth("ak", "20231216/cn-hangzhou/oss"),
       "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe"},
      {"V4_2", "PUT", kV4Path + kSix,
       with(v4_headers("20231217T034736Z"), "x-oss-security-token", "token"), "bucket", kV4Key,
       "sk", v4_auth("ak", "20231217/cn-hangzhou/oss"),
       "b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea"},
      {"V4_3", "PUT", kV4Path + kSix, v4_headers("20231216T172512Z"), "bucket", kV4Key, "sk",
       v4_auth("ak", "20231216/cn-hangzhou/oss", "abc;zabc"),
       "4a4183c187c07c8947db7620deb0a6b38d9fbdd34187b6dbaccb316fa251212f"},
      {"V4_4", "PUT", kV4Path + kSix, v4_headers("20231216T162057Z"), "bucket", kV4Key, "sk",
       v4_auth("ak", "20231216/cb-123/oss-cloudbox"),
       "94ce1f12c17d148ea681030275a94449d3357f5b5b21133996eec80af3e08a43"},
      {"V4Q_1", "PUT", v4_url("20231217/cn-hangzhou/oss", "20231217T025437Z"), kUrlHeaders,
       "bucket", kV4Key, "sk", "",
       "a39966c61718be0d5b14e668088b3fa07601033f6518ac7b523100014269c0fe"},
      {"V4Q_2", "PUT",
       v4_url("20231217/cn-hangzhou/oss", "20231217T035628Z", "&x-oss-security-token=token"),
       kUrlHeaders, "bucket", kV4Key, "sk", "",
       "3817ac9d206cd6dfc90f1c09c00be45005602e55898f26f5ddb06d7892e1f8b5"},
      {"V4Q_3", "PUT",
       v4_url("20231217/cn-hangzhou/oss", "20231217T033009Z",
              "&x-oss-additional-headers=abc%3Bzabc"),
       kUrlHeaders, "bucket", kV4Key, "sk", "",
       "6bd984bfe531afb6db1f7550983a741b103a8c58e5e14f83ea474c2322dfa2b7"},
      {"V4Q_4", "PUT",
       v4_url("20231217/cb-123/oss-cloudbox", "20231217T025437Z",
              "&x-oss-additional-headers=abc%3Bzabc"),
       kUrlHeaders, "bucket", kV4Key, "sk", "",
       "07284191b9b4978ac3520cd39ee2dea2747eda454089359371ff463a6c7ba20f"},
      {"V4Q_5", "PUT",
       v4_url("20231217/cb-123/oss-cloudbox", "20231217T033009Z",
              "&x-oss-additional-headers=abc%3Bzabc"),
       kUrlHeaders, "bucket", kV4Key, "sk", "",
       "16782cc8a7a554523db055eb804b508522e7e370073108ad88ee2f47496701dd"},
      {"V4C_1", "PUT", "/" + core::percent_encode(kCKey, true) + kSix,
       c_headers("20221016T040719Z"), "oss-bucket-test", kCKey, "sk",
       v4_auth("ak", "20221016/cn-hangzhou/oss"),
       "16e58322c5aafb55edd82813b02d6521caab8194882c786bf0e77b7987a63979"},
      {"V4C_2", "PUT", "/" + core::percent_encode(kCKey, true), c_headers("20221016T091431Z"),
       "oss-bucket-test", kCKey, "sk", v4_auth("ak", "20221016/cn-hangzhou/oss"),
       "5028172a0a3806285979896982bee6e36e915cbf428ee7100a809e1f0ff43b64"},
      {"V4C_3", "PUT", "/" + core::percent_encode(kCKey, true) + kSix,
       c_headers("20221016T091831Z"), "oss-bucket-test", kCKey, "sk",
       v4_auth("ak", "20221016/cloudbox-id/oss-cloudbox"),
       "939eae7d5012d444c8d1dd8c68811275928f780a859e41ddbe52cf10a100adb4"},
      {"C_1", "GET", kOddPath, with(kOurV4Token, "Range", "bytes=0-99"), bucket, kOddKey,
       "testsecret", ours(), "ce85130625467ebe3f72e6efdf233b25570c39aab476adc50690d599fabbdacb"},
      {"C_2", "GET", kOddPath,
       with(with(kOurV4Token, "Range", "bytes=0-99"), "Host",
            "examplebucket.oss-cn-hangzhou.aliyuncs.com"),
       bucket, kOddKey, "testsecret", ours("host;range"),
       "b0ebddaacc1cab35aa62458b14e957230301f7064c540b1eb45fa4491e60bc45"},
      {"C_3", "GET",
       "/?list-type=2&prefix=dir/"
       "&delimiter=%2F&max-keys=1000&encoding-type=url&continuation-token=CgJiYw--",
       kOurV4Token, bucket, "", "testsecret", ours(),
       "934f09ec9d1db3ef8c1d6148c2fa7467752cb39666285a383072d09da7e94f81"},
      {"C_4", "GET", "/", kOurV4, "", "", "testsecret", ours(),
       "93bd8a81da20cae3d83086e29ad05b1cea1331f8c5635d9814e3bf385053bae0"},
      {"C_5", "PUT", "/big.bin?partNumber=1&uploadId=0004B9895DBBB6EC98E36", part(kOurV4Token),
       bucket, "big.bin", "testsecret", ours(),
       "96ad4ec4687321ed6e6ee73c924150b7dc89c685aecb277e0856d39d4ffd54b5"},
      {"C_6",
       "GET",
       "/exampledir/"
       "exampleobject.txt?response-content-disposition=attachment%3B%20filename%3D%22a+b.txt%22&x-"
       "oss-traffic-limit=819200&x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential=STS."
       "testid%2F20240102%2Fcn-hangzhou%2Foss%2Faliyun_v4_request&x-oss-date=20240102T030405Z&x-"
       "oss-expires=3600&x-oss-additional-headers=host&x-oss-security-token=CAIS%2Btok%2Fen%3D%3D&"
       "x-oss-signature={}",
       {{"Host", "examplebucket.oss-cn-hangzhou.aliyuncs.com"}},
       bucket,
       "exampledir/exampleobject.txt",
       "testsecret",
       "",
       "62d45044f9e981aad583ac7308bb8add3ef915ee3cb4969f479f9e2943617c8b"},
      {"C_7", "GET", kOddPath, kOurV1Token, bucket, kOddKey, "testsecret", ours_v1,
       "zBIA7xV5tqJytD0H6v7+AwPHedg="},
      {"C_8", "GET", "/?list-type=2&prefix=x&continuation-token=CgJiYw--", kOurV1Token, bucket, "",
       "testsecret", ours_v1, "4n3oQTQr23aYSq+Tsqx1euOvcuU="},
      {"C_9", "GET", "/?max-keys=3", kOurV1, "", "", "testsecret", ours_v1,
       "T1QNNqgTrrgU5SGc/PEWu3XHABk="},
      {"C_10", "PUT", "/big.bin?partNumber=1&uploadId=0004B9895DBBB6EC98E36", part(kOurV1Token),
       bucket, "big.bin", "testsecret", ours_v1, "5mvlsA6PZOwkGkIbq18G1uLBUKQ="},
      {"C_11", "POST", "/?delete",
       with(with(kOurV1, "Content-MD5", "ohhnqLBJFiKkPSBO1eNaUA=="), "Content-Type",
            "application/xml"),
       bucket, "", "testsecret", ours_v1, "7B+PT/dx2LjN6ccfx8BGuM1ZHnA="},
      {"C_12",
       "GET",
       "/exampledir%2Fexampleobject.txt?Expires=1704168245&OSSAccessKeyId=STS.testid&response-"
       "content-disposition=attachment%3B+filename%3D%22a+b.txt%22&security-token=CAIS%2Btok%2Fen%"
       "3D%3D&versionId=CAEQ&x-oss-ac-source-ip=127.0.0.1&x-oss-ac-subnet-mask=32&x-oss-traffic-"
       "limit=819200&Signature={}",
       {},
       bucket,
       "exampledir/exampleobject.txt",
       "testsecret",
       "",
       "D3LjOcLak12C3rATavHD+rSDrR0="},
      // Signed by the vendor's SDKs from PyPI: oss2 2.19.1, alibabacloud-oss-v2 1.4.1 and
      // alibabacloud-gateway-oss 0.0.30.
      {"SDK_oss2", "GET", "/?vod&max-keys=3&status=enabled", kOurV1, bucket, "", "testsecret",
       ours_v1, "PY6dPZWydCY8300QhuHZU0dBRog="},
      {"SDK_v2_logs", "GET", "/?userDefinedLogFieldsConfig", kOurV1, bucket, "", "testsecret",
       ours_v1, "ZyPsBQ/fHGhfSxkp3GaMwbkkEAM="},
      {"SDK_v2_seal", "GET", "/nelson?seal&position=7", kOurV1, bucket, "nelson", "testsecret",
       ours_v1, "2NBaABcQlTqKf50Jnap5FpmxEt0="},
      {"SDK_v2_clean", "GET", "/nelson?cleanRestoredObject&versionId=V", kOurV1, bucket, "nelson",
       "testsecret", ours_v1, "f+wtifsSLES2WGshj3EZQRH4pQk="},
      {"SDK_v2_list", "GET", "/?prefix=p", kOurV1, bucket, "", "testsecret", ours_v1,
       "ghh3MhdAYlcXZJJZNorvRb7QwyY="},
      {"SDK_gateway", "GET", "/?dataAccelerator&prefix=p", kOurV1, bucket, "", "testsecret",
       ours_v1, "fF/KSXGSztaOu02lwjcaVZg9LcE="},
  };
}

class OssVector : public ::testing::TestWithParam<Vector> {};

TEST_P(OssVector, IsAcceptedAndNothingElseIs) {
  const Vector& vector = GetParam();
  const auto error = check(vector, vector.signature);
  EXPECT_FALSE(error) << error->code << "\n" << error->details[2].second;

  std::string forged = vector.signature;
  forged[0] = forged[0] == 'a' ? 'b' : 'a';
  EXPECT_EQ(check(vector, forged)->code, "SignatureDoesNotMatch");
  Vector other = vector;
  other.key += "x";
  other.bucket += other.bucket.empty() ? "x" : "";
  EXPECT_EQ(check(other, vector.signature)->code, "SignatureDoesNotMatch");
  other = vector;
  other.method = "DELETE";
  EXPECT_EQ(check(other, vector.signature)->code, "SignatureDoesNotMatch");
  other = vector;
  other.secret += "x";
  EXPECT_EQ(check(other, vector.signature)->code, "SignatureDoesNotMatch");
}
INSTANTIATE_TEST_SUITE_P(Published, OssVector, ::testing::ValuesIn(vectors()),
                         [](const auto& row) { return row.param.name; });

Vector vector_named(const std::string& name) {
  for (auto& vector : vectors()) {
    if (vector.name == name) {
      return vector;
    }
  }
  ADD_FAILURE() << "no vector " << name;
  return {};
}

TEST(OssSignature, CoversNoParameterThatTheVendorsSdksLeaveOut) {
  const auto signed_with = [](const std::string& query) {
    return core::base64(core::hmac_sha1(
        "testsecret", "GET\n\n\nTue, 02 Jan 2024 03:04:05 GMT\n/examplebucket/" + query));
  };
  Vector listing = vector_named("SDK_v2_list");
  EXPECT_FALSE(check(listing, signed_with("")));
  EXPECT_EQ(check(listing, signed_with("?prefix=p"))->code, "SignatureDoesNotMatch");
  listing.target = "/?acl&prefix=p";
  EXPECT_FALSE(check(listing, signed_with("?acl")));
  EXPECT_EQ(check(listing, signed_with(""))->code, "SignatureDoesNotMatch");
}

TEST(OssSignature, AMismatchShowsTheStringToSign) {
  const auto error = check(vector_named("V1_1"), "kSHKmLxlyEAKtZPkJhG9bZb5k7N=");
  EXPECT_EQ(error->status, 403);
  EXPECT_EQ(error->ec, "0002-00000040");
  EXPECT_THAT(error->details, Contains(Pair("OSSAccessKeyId", "ak")));
  EXPECT_THAT(error->details, Contains(Pair("SignatureProvided", "kSHKmLxlyEAKtZPkJhG9bZb5k7N=")));
  EXPECT_THAT(error->details,
              Contains(Pair("StringToSign",
                            "PUT\neB5eJF1ptWaXm4bijSPyxw==\ntext/html\n"
                            "Wed, 28 Dec 2022 10:27:41 GMT\n"
                            "x-oss-date:Wed, 28 Dec 2022 10:27:41 GMT\n"
                            "x-oss-meta-author:alice\nx-oss-meta-magic:abracadabra\n"
                            "/examplebucket/nelson")));
  EXPECT_THAT(error->details, Contains(Pair("StringToSignBytes", HasSubstr("50 55 54 0A 65 42"))));
}

TEST(OssSignature, AVersion4MismatchShowsTheCanonicalRequest) {
  const auto error = check(vector_named("V4_1"), "00");
  EXPECT_THAT(error->details,
              Contains(Pair("CanonicalRequest",
                            "PUT\n/bucket/1234%2B-/123/1.txt\n"
                            "%2Bparam1=value3&%2Bparam2&%7Cparam1=value4&%7Cparam2&param1=value1&"
                            "param2\ncontent-type:text/plain\n"
                            "x-oss-content-sha256:UNSIGNED-PAYLOAD\nx-oss-date:20231216T162057Z\n"
                            "x-oss-head1:value\n\n\nUNSIGNED-PAYLOAD")));
  EXPECT_THAT(error->details,
              Contains(Pair("StringToSign",
                            HasSubstr("f4613657f1b108998e8dbd10a1aa5da621dc2c6e02c9ddec0f163664848"
                                      "704c4"))));
}

/// Signs version 4 by hand, so that canonical forms other than ours can be tried.
std::string v4_signature(std::string_view secret, std::string_view date_text,
                         std::string_view canonical_request) {
  std::string key = core::hmac_sha256("aliyun_v4" + std::string(secret), "20240102");
  for (const auto* part : {"cn-hangzhou", "oss", "aliyun_v4_request"}) {
    key = core::hmac_sha256(key, part);
  }
  return core::hex(core::hmac_sha256(key, "OSS4-HMAC-SHA256\n" + std::string(date_text) +
                                              "\n20240102/cn-hangzhou/oss/aliyun_v4_request\n" +
                                              core::hex(core::sha256(canonical_request))));
}

TEST(OssSignature, Version4TakesADateHeaderAlone) {
  const std::string date = "Tue, 02 Jan 2024 03:04:05 GMT";
  const Vector vector{
      "",  "GET", "/k", {{"Date", date}, {"x-oss-content-sha256", "UNSIGNED-PAYLOAD"}},
      "b", "k",   "sk", v4_auth("ak", kOurs),
      ""};
  const auto signature = v4_signature(
      "sk", date, "GET\n/b/k\n\nx-oss-content-sha256:UNSIGNED-PAYLOAD\n\n\nUNSIGNED-PAYLOAD");
  EXPECT_EQ(check(vector, signature), std::nullopt);
}

TEST(OssSignature, Version4TakesEitherRenderingOfABlankValue) {
  Vector vector{"", "GET", "/?acl", kOurV4, "b", "", "sk", v4_auth("ak", kOurs), ""};
  const std::string tail =
      "\nx-oss-content-sha256:UNSIGNED-PAYLOAD\nx-oss-date:20240102T030405Z\n\n\nUNSIGNED-PAYLOAD";
  const auto bare = v4_signature("sk", "20240102T030405Z", "GET\n/b/\nacl" + tail);
  const auto equals = v4_signature("sk", "20240102T030405Z", "GET\n/b/\nacl=" + tail);
  for (const auto* target : {"/?acl", "/?acl="}) {
    vector.target = target;
    EXPECT_EQ(check(vector, bare), std::nullopt) << target;
    EXPECT_EQ(check(vector, equals), std::nullopt) << target;
  }
  vector.target = "/?acl=x";
  EXPECT_NE(check(vector, equals), std::nullopt);
}

TEST(OssSignature, Version4TakesHeadersWithoutAValueLeftOut) {
  const Vector vector{
      "", "GET", "/", with(kOurV4, "x-oss-meta-a", ""), "b", "", "sk", v4_auth("ak", kOurs), ""};
  const std::string tail = "\nx-oss-content-sha256:UNSIGNED-PAYLOAD\nx-oss-date:20240102T030405Z\n";
  const std::string end = "\n\nUNSIGNED-PAYLOAD";
  EXPECT_EQ(check(vector, v4_signature("sk", "20240102T030405Z", "GET\n/b/\n" + tail + end)),
            std::nullopt);
  EXPECT_EQ(check(vector, v4_signature("sk", "20240102T030405Z",
                                       "GET\n/b/\n" + tail + "x-oss-meta-a:\n" + end)),
            std::nullopt);
}

TEST(OssSignature, Version4FieldsComeInAnyOrder) {
  Vector vector = vector_named("V4_3");
  vector.authorization =
      "OSS4-HMAC-SHA256 Credential=ak/20231216/cn-hangzhou/oss/aliyun_v4_request, Signature={}, "
      "AdditionalHeaders=abc;zabc";
  EXPECT_EQ(check(vector, vector.signature), std::nullopt);
}

TEST(OssSignature, Version1TakesUnlistedParametersOfOurPrefixSignedOrNot) {
  Vector vector{"", "GET", "/k?x-oss-future=1&b=2", kOurV1, "b", "k", "sk", "OSS ak:{}", ""};
  const std::string head = "GET\n\n\nTue, 02 Jan 2024 03:04:05 GMT\n/b/k";
  const auto sign = [&](const std::string& text) {
    return core::base64(core::hmac_sha1("sk", text));
  };
  EXPECT_EQ(check(vector, sign(head)), std::nullopt);
  EXPECT_EQ(check(vector, sign(head + "?x-oss-future=1")), std::nullopt);
  EXPECT_NE(check(vector, sign(head + "?b=2&x-oss-future=1")), std::nullopt);
}

// From the layout that clients use: no vector is published.
TEST(OssSignature, Version2SignsEncodedResourceAndAllParameters) {
  Vector vector{"",
                "GET",
                "/a/b?prefix=x",
                with(kOurV1, "Range", "bytes=0-1"),
                "bkt",
                "a/b",
                "sk",
                "OSS2 AccessKeyId:ak,AdditionalHeaders:range,Signature:{}",
                ""};
  const std::string text =
      "GET\n\n\nTue, 02 Jan 2024 03:04:05 GMT\nrange:bytes=0-1\nrange\n%2Fbkt%2Fa%2Fb?prefix=x";
  EXPECT_EQ(check(vector, core::base64(core::hmac_sha256("sk", text))), std::nullopt);
  EXPECT_EQ(check(vector, "x")->code, "SignatureDoesNotMatch");
}

}  // namespace
}  // namespace emulator
