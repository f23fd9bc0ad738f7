#include "sign/s3_v4.h"

#include <gtest/gtest.h>

#include "sign/signer.h"

namespace {

using http::Request;
using sign::Credentials;
using sign::Scope;

const Credentials kExample{
    "AKIAIOSFODNN7EXAMPLE", core::Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), {}};
const Credentials kSuite{
    "AKIDEXAMPLE", core::Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), {}};
const Scope kS3{"examplebucket", "ignored", "us-east-1", "s3"};
constexpr const char* kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Vector {
  const char* name;
  Credentials credentials;
  Scope scope;
  std::string host;
  std::string method;
  std::string path;
  std::vector<http::QueryParam> query;
  http::Headers headers;
  std::string when;
  std::string signed_headers;
  std::string signature;
};
std::ostream& operator<<(std::ostream& out, const Vector& vector) { return out << vector.name; }

class S3V4 : public ::testing::TestWithParam<Vector> {};

TEST_P(S3V4, SignsAsPublished) {
  const Vector& v = GetParam();
  Request request;
  request.method = v.method;
  request.origin = {"https", v.host, 443};
  request.path = v.path;
  request.query = v.query;
  request.headers = v.headers;
  sign::sign_header(request, v.credentials, sign::Scheme::S3V4, v.scope,
                    *core::parse_compact(v.when));
  EXPECT_EQ(request.headers.get("Authorization"),
            "AWS4-HMAC-SHA256 Credential=" + v.credentials.access_key_id + "/" +
                v.when.substr(0, 8) + "/" + v.scope.region + "/" + v.scope.product +
                "/aws4_request, SignedHeaders=" + v.signed_headers + ", Signature=" + v.signature)
      << sign::s3_v4_canonical_request(request, v.scope).text;
}

// Source: AWS, "Examples of the complete Signature Version 4 signing process" and the test suite.
INSTANTIATE_TEST_SUITE_P(
    Vectors, S3V4,
    ::testing::Values(Vector{"GetRange",
                             kExample,
                             kS3,
                             "examplebucket.s3.amazonaws.com",
                             "GET",
                             "/test.txt",
                             {},
                             {{"Range", "bytes=0-9"},
                              {"x-amz-content-sha256", kEmptyHash},
                              {"User-Agent", "not signed"}},
                             "20130524T000000Z",
                             "host;range;x-amz-content-sha256;x-amz-date",
                             "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
                      Vector{"PutObject",
                             kExample,
                             kS3,
                             "examplebucket.s3.amazonaws.com",
                             "PUT",
                             "/test%24file.text",
                             {},
                             {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                              {"x-amz-storage-class", "  REDUCED_REDUNDANCY"},
                              {"x-amz-content-sha256",
                               "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"}},
                             "20130524T000000Z",
                             "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                             "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
                      Vector{"ListObjects",
                             kExample,
                             kS3,
                             "examplebucket.s3.amazonaws.com",
                             "GET",
                             "/",
                             {{"prefix", "J"}, {"max-keys", "2"}},
                             {{"x-amz-content-sha256", kEmptyHash}},
                             "20130524T000000Z",
                             "host;x-amz-content-sha256;x-amz-date",
                             "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
                      Vector{"GetVanilla",
                             kSuite,
                             {"", "", "us-east-1", "service"},
                             "example.amazonaws.com",
                             "GET",
                             "/",
                             {},
                             {},
                             "20150830T123600Z",
                             "host;x-amz-date",
                             "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
                      Vector{
                          "IamListUsers",
                          kSuite,
                          {"", "", "us-east-1", "iam"},
                          "iam.amazonaws.com",
                          "GET",
                          "/",
                          {{"Action", "ListUsers"}, {"Version", "2010-05-08"}},
                          {{"content-type", "application/x-www-form-urlencoded;  charset=utf-8"}},
                          "20150830T123600Z",
                          "content-type;host;x-amz-date",
                          "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(S3V4Query, IsThePublishedUrl) {
  Request request;
  request.origin = {"https", "examplebucket.s3.amazonaws.com", 443};
  request.path = "/test.txt";
  sign::sign_query(request, kExample, sign::Scheme::S3V4, kS3,
                   *core::parse_compact("20130524T000000Z"), std::chrono::hours{24});
  EXPECT_EQ(request.target(),
            "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
            "20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires="
            "86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(S3V4Header, LeavesThePayloadUnsignedAndSendsTheToken) {
  Credentials credentials = kExample;
  credentials.token = core::Secret("session");
  Request request;
  sign::sign_header(request, credentials, sign::Scheme::S3V4, kS3,
                    *core::parse_compact("20130524T000000Z"));
  EXPECT_EQ(request.headers.get("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
  EXPECT_EQ(request.headers.get("x-amz-security-token"), "session");
  EXPECT_NE(request.headers.get("Authorization")
                ->find("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"),
            std::string_view::npos);
}

}  // namespace
