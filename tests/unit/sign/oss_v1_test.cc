#include "sign/oss_v1.h"

#include <gtest/gtest.h>

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
const Credentials kSts = keys("STS.testid", "testsecret", "CAIS+tok/en==");
const Credentials kLongLived = keys("STS.testid", "testsecret");

Scope at(std::string bucket, std::string key) {
  return {std::move(bucket), std::move(key), "", "oss"};
}

struct Vector {
  const char* name;
  Credentials credentials;
  std::string method;
  Scope scope;
  std::vector<QueryParam> query;
  http::Headers headers;
  std::string date;
  std::string signature;
};
std::ostream& operator<<(std::ostream& out, const Vector& vector) { return out << vector.name; }

const std::string kDate = "Wed, 28 Dec 2022 10:27:41 GMT";
const std::string kOurDate = "Tue, 02 Jan 2024 03:04:05 GMT";
const std::string kToken = "CAIS+tok/en==";

http::Headers nelson(bool with_token = false) {
  http::Headers headers{{"Content-MD5", "eB5eJF1ptWaXm4bijSPyxw=="},
                        {"Content-Type", "text/html"},
                        {"Date", kDate},
                        {"x-oss-meta-magic", "abracadabra"},
                        {"X-OSS-Date", kDate},
                        {"x-oss-meta-author", " alice "}};
  if (with_token) {
    headers.add("x-oss-security-token", "token");
  }
  return headers;
}

class OssV1 : public ::testing::TestWithParam<Vector> {};

TEST_P(OssV1, SignsAsPublished) {
  const Vector& v = GetParam();
  Request request;
  request.method = v.method;
  request.query = v.query;
  request.headers = v.headers;
  const std::string text = sign::oss_v1_string_to_sign(request, v.scope, v.date);
  EXPECT_EQ(sign::oss_v1_signature(text, v.credentials), v.signature) << text;
}

// Source: OSS API, "Include a V1 signature" (V1_7), and the official SDKs' own tests (V1_1 to V1_6,
// V1Q_*). C_* are regression values of code that gives all of those. SDK_* are what oss2 2.19.1 and
// alibabacloud-oss-v2 1.4.1 from PyPI sign.
INSTANTIATE_TEST_SUITE_P(
    Vectors, OssV1,
    ::testing::Values(
        Vector{"V1_1",
               kAk,
               "PUT",
               at("examplebucket", "nelson"),
               {},
               nelson(),
               kDate,
               "kSHKmLxlyEAKtZPkJhG9bZb5k7M="},
        Vector{"V1_2",
               kAk,
               "PUT",
               at("examplebucket", "nelson"),
               {{"acl", std::nullopt}},
               nelson(),
               kDate,
               "/afkugFbmWDQ967j1vr6zygBLQk="},
        Vector{"V1_3",
               kAk,
               "PUT",
               at("examplebucket", "nelson"),
               {},
               nelson(true),
               kDate,
               "H3PAlN3Vucn74tPVEqaQC4AnLwQ="},
        Vector{"V1_4",
               kAk,
               "PUT",
               at("examplebucket", "nelson"),
               {{"acl", ""}},
               nelson(true),
               kDate,
               "yeceHMAsgusDPCR979RJcLtd7RI="},
        Vector{"V1_5",
               kAk,
               "GET",
               at("examplebucket", ""),
               {{"resourceGroup", std::nullopt}},
               {{"x-oss-date", kDate}},
               kDate,
               "vkQmfuUDyi1uDi3bKt67oemssIs="},
        Vector{"V1_6",
               kAk,
               "GET",
               at("examplebucket", ""),
               {{"resourceGroup", std::nullopt}, {"acl", std::nullopt}},
               {{"x-oss-date", kDate}},
               kDate,
               "x3E5TgOvl/i7PN618s5mEvpJDYk="},
        Vector{"V1_7",
               keys("44CF9590006BF252F707", "OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV"),
               "PUT",
               at("oss-example", "nelson"),
               {},
               {{"Content-Md5", "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM="},
                {"Content-Type", "text/html"},
                {"X-OSS-Meta-Author", "foo@bar.com"},
                {"X-OSS-Magic", "abracadabra"}},
               "Thu, 17 Nov 2005 18:49:58 GMT",
               "26NBxoKdsyly4EDv6inkoDft/yA="},
        Vector{"V1Q_1",
               kAk,
               "GET",
               at("bucket", "key"),
               {{"versionId", "versionId"}},
               {},
               "1699807420",
               "dcLTea+Yh9ApirQ8o8dOPqtvJXQ="},
        Vector{"V1Q_2",
               kAk,
               "GET",
               at("bucket", "key+123"),
               {{"versionId", "versionId"}, {"security-token", "token"}},
               {},
               "1699808204",
               "jzKYRrM5y6Br0dRFPaTGOsbrDhY="},
        Vector{"V1Q_3",
               kAk,
               "GET",
               at("bucket", "key"),
               {{"response-content-disposition", "attachment; filename=example.txt"},
                {"security-token", "token"},
                {"versionId", "versionId?param1=value1"}},
               {{"Content-Type", "application/octet-stream"}, {"x-oss-head1", "value"}},
               "1699808204",
               "3GJoEOv5LX2ASp0HJk/hAk+qLJc="},
        Vector{"C_7",
               kSts,
               "GET",
               at("examplebucket", "dir one/ü+文件.txt"),
               {},
               {{"x-oss-security-token", kToken}, {"Range", "bytes=0-99"}},
               kOurDate,
               "zBIA7xV5tqJytD0H6v7+AwPHedg="},
        Vector{"C_8",
               kSts,
               "GET",
               at("examplebucket", ""),
               {{"list-type", "2"}, {"prefix", "dir/"}, {"continuation-token", "CgJiYw--"}},
               {{"x-oss-security-token", kToken}},
               kOurDate,
               "4n3oQTQr23aYSq+Tsqx1euOvcuU="},
        Vector{"C_9", kLongLived, "GET", {}, {}, {}, kOurDate, "T1QNNqgTrrgU5SGc/PEWu3XHABk="},
        Vector{"C_10",
               kSts,
               "PUT",
               at("examplebucket", "big.bin"),
               {{"uploadId", "0004B9895DBBB6EC98E36"}, {"partNumber", "1"}},
               {{"Content-MD5", "XrY7u+Ae7tCTyyK7j1rNww=="},
                {"Content-Type", "application/octet-stream"},
                {"x-oss-security-token", kToken}},
               kOurDate,
               "5mvlsA6PZOwkGkIbq18G1uLBUKQ="},
        Vector{"C_11",
               kLongLived,
               "POST",
               at("examplebucket", ""),
               {{"delete", std::nullopt}},
               {{"Content-MD5", "ohhnqLBJFiKkPSBO1eNaUA=="}, {"Content-Type", "application/xml"}},
               kOurDate,
               "7B+PT/dx2LjN6ccfx8BGuM1ZHnA="},
        Vector{"C_12",
               kSts,
               "GET",
               at("examplebucket", "exampledir/exampleobject.txt"),
               {{"x-oss-traffic-limit", "819200"},
                {"x-oss-ac-subnet-mask", "32"},
                {"x-oss-ac-source-ip", "127.0.0.1"},
                {"versionId", "CAEQ"},
                {"security-token", kToken},
                {"response-content-disposition", "attachment; filename=\"a b.txt\""}},
               {},
               "1704168245",
               "D3LjOcLak12C3rATavHD+rSDrR0="},
        Vector{"SDK_1",
               kLongLived,
               "GET",
               at("examplebucket", ""),
               {{"vod", std::nullopt}, {"max-keys", "3"}, {"status", "enabled"}},
               {},
               kOurDate,
               "PY6dPZWydCY8300QhuHZU0dBRog="},
        Vector{"SDK_2",
               kLongLived,
               "GET",
               at("examplebucket", ""),
               {{"userDefinedLogFieldsConfig", std::nullopt}},
               {},
               kOurDate,
               "ZyPsBQ/fHGhfSxkp3GaMwbkkEAM="},
        Vector{"SDK_3",
               kLongLived,
               "GET",
               at("examplebucket", "nelson"),
               {{"versionId", "V"}, {"cleanRestoredObject", std::nullopt}},
               {},
               kOurDate,
               "f+wtifsSLES2WGshj3EZQRH4pQk="}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(OssV1Header, CarriesDateTokenAndAuthorization) {
  Request request;
  request.method = "PUT";
  request.headers = {{"Content-MD5", "eB5eJF1ptWaXm4bijSPyxw=="},
                     {"Content-Type", "text/html"},
                     {"x-oss-meta-author", "alice"},
                     {"x-oss-meta-magic", "abracadabra"}};
  const auto now = *core::parse_http_date(kDate);
  sign::sign_header(request, keys("ak", "sk", "token"), sign::Scheme::OssV1,
                    at("examplebucket", "nelson"), now);
  EXPECT_EQ(request.headers.get("authorization"), "OSS ak:H3PAlN3Vucn74tPVEqaQC4AnLwQ=");
  EXPECT_EQ(request.headers.get("x-oss-date"), kDate);
  EXPECT_EQ(request.headers.get("x-oss-security-token"), "token");

  // Signed again with a long-lived key, nothing of the old signature stays.
  sign::sign_header(request, kAk, sign::Scheme::OssV1, at("examplebucket", "nelson"), now);
  EXPECT_EQ(request.headers.get("authorization"), "OSS ak:kSHKmLxlyEAKtZPkJhG9bZb5k7M=");
  EXPECT_FALSE(request.headers.get("x-oss-security-token"));
}

// V1Q-2 as a URL.
TEST(OssV1Query, IsThePublishedUrl) {
  Request request;
  request.path = "/key%2B123";
  request.query = {{"versionId", "versionId"}};
  sign::sign_query(request, keys("ak", "sk", "token"), sign::Scheme::OssV1, at("bucket", "key+123"),
                   core::wall_from_unix(1'699'807'604), std::chrono::minutes{10});
  EXPECT_EQ(request.target(),
            "/key%2B123?versionId=versionId&security-token=token&OSSAccessKeyId=ak"
            "&Expires=1699808204&Signature=jzKYRrM5y6Br0dRFPaTGOsbrDhY%3D");
}

}  // namespace
