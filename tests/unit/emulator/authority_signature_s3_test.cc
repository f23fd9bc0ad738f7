// AWS signature version 4 against the vectors that AWS publishes.
#include <gmock/gmock.h>

#include "emulator/account/signature_s3.h"
#include "unit/emulator/authority_support.h"

namespace emulator {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

const std::string kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string kSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const std::string kHost = "examplebucket.s3.amazonaws.com";

struct Vector {
  std::string name;
  std::string method;
  std::string target;
  Fields headers;
  std::string secret;
  std::string scope;
  std::string signed_headers;  ///< empty: the target is signed
  std::string signature;
};

RawRequest signed_request(const Vector& vector, const std::string& signature) {
  Fields headers = vector.headers;
  std::string target = vector.target;
  if (vector.signed_headers.empty()) {
    target += "&X-Amz-Signature=" + signature;
  } else {
    headers.emplace_back("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/" +
                                              vector.scope + "/aws4_request, SignedHeaders=" +
                                              vector.signed_headers + ", Signature=" + signature);
  }
  return make_request(vector.method, target, headers);
}

std::optional<ServiceError> check(const Vector& vector, const std::string& signature) {
  const RawRequest request = signed_request(vector, signature);
  const Presented presented = read_claim(request);
  if (const auto* error = std::get_if<ServiceError>(&presented)) {
    return *error;
  }
  const SigningKeys keys;
  return check_s3_signature(request, std::get<Claim>(presented), vector.secret, keys);
}

Fields s3_headers(const std::string& hash, Fields more = {}) {
  more.emplace_back("Host", kHost);
  more.emplace_back("x-amz-content-sha256", hash);
  more.emplace_back("x-amz-date", "20130524T000000Z");
  return more;
}

const Vector kGet = {"GetObject",
                     "GET",
                     "/test.txt",
                     s3_headers(kEmptyHash, {{"Range", "bytes=0-9"}}),
                     kSecret,
                     "20130524/us-east-1/s3",
                     "host;range;x-amz-content-sha256;x-amz-date",
                     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"};

std::vector<Vector> vectors() {
  const std::string other = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  return {
      kGet,
      {"PutObject", "PUT", "/test%24file.text",
       s3_headers("44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
                  {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                   {"x-amz-storage-class", "REDUCED_REDUNDANCY"}}),
       kSecret, "20130524/us-east-1/s3",
       "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
      {"PutObjectBareDollar", "PUT", "/test$file.text",
       s3_headers("44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
                  {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                   {"x-amz-storage-class", "REDUCED_REDUNDANCY"}}),
       kSecret, "20130524/us-east-1/s3",
       "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
      {"ListObjects", "GET", "/?prefix=J&max-keys=2", s3_headers(kEmptyHash), kSecret,
       "20130524/us-east-1/s3", "host;x-amz-content-sha256;x-amz-date",
       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
      {"Presigned",
       "GET",
       "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%"
       "2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"
       "X-Amz-SignedHeaders=host",
       {{"Host", kHost}},
       kSecret,
       "",
       "",
       "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"},
      {"SuiteGetVanilla",
       "GET",
       "/",
       {{"Host", "example.amazonaws.com"}, {"X-Amz-Date", "20150830T123600Z"}},
       other,
       "20150830/us-east-1/service",
       "host;x-amz-date",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"Iam",
       "GET",
       "/?Action=ListUsers&Version=2010-05-08",
       {{"Host", "iam.amazonaws.com"},
        {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
        {"X-Amz-Date", "20150830T123600Z"}},
       other,
       "20150830/us-east-1/iam",
       "content-type;host;x-amz-date",
       "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
  };
}

class S3Vector : public ::testing::TestWithParam<Vector> {};

TEST_P(S3Vector, IsAcceptedAndNothingElseIs) {
  Vector vector = GetParam();
  const auto error = check(vector, vector.signature);
  EXPECT_FALSE(error) << error->code << "\n" << error->details[1].second;
  std::string forged = vector.signature;
  forged[0] = forged[0] == 'a' ? 'b' : 'a';
  EXPECT_EQ(check(vector, forged)->code, "SignatureDoesNotMatch");
  vector.method = "DELETE";
  EXPECT_EQ(check(vector, vector.signature)->code, "SignatureDoesNotMatch");
}
INSTANTIATE_TEST_SUITE_P(Published, S3Vector, ::testing::ValuesIn(vectors()),
                         [](const auto& row) { return row.param.name; });

TEST(S3Signature, AMismatchShowsWhatWasSigned) {
  const auto error = check(kGet, "00");
  EXPECT_EQ(error->status, 403);
  EXPECT_THAT(error->details, Contains(Pair("AWSAccessKeyId", "AKIAIOSFODNN7EXAMPLE")));
  EXPECT_THAT(error->details, Contains(Pair("CanonicalRequest", HasSubstr("range:bytes=0-9\n"))));
  EXPECT_THAT(error->details, Contains(Pair("StringToSign", HasSubstr("AWS4-HMAC-SHA256\n"))));
}

TEST(S3Signature, HostMustBeSigned) {
  Vector vector = kGet;
  vector.signed_headers = "range;x-amz-content-sha256;x-amz-date";
  EXPECT_EQ(check(vector, vector.signature)->code, "AuthorizationHeaderMalformed");
}

TEST(S3Signature, ThePayloadHashMustBeThereAndBeOne) {
  Vector vector = kGet;
  vector.headers = {{"Host", kHost}, {"Range", "bytes=0-9"}, {"x-amz-date", "20130524T000000Z"}};
  EXPECT_EQ(check(vector, vector.signature)->code, "InvalidRequest");
  vector.headers.emplace_back("x-amz-content-sha256", "nonsense");
  EXPECT_EQ(check(vector, vector.signature)->code, "InvalidArgument");
  for (const auto* word : {"UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                           "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}) {
    vector.headers.back().second = word;
    EXPECT_EQ(check(vector, vector.signature)->code, "SignatureDoesNotMatch") << word;
  }
}

}  // namespace
}  // namespace emulator
