// The tables: service codes, endpoints, headers.
#include <gmock/gmock.h>

#include "core/digest.h"
#include "oss/endpoint.h"
#include "oss/headers.h"
#include "oss/service_errors.h"

namespace oss {
namespace {

using core::ErrorKind;
using ::testing::HasSubstr;

struct CodeCase {
  const char* code;
  int status;
  ErrorKind kind;
};
class ServiceCodes : public ::testing::TestWithParam<CodeCase> {};

TEST_P(ServiceCodes, HaveTheirKind) {
  EXPECT_EQ(kind_of(GetParam().code, GetParam().status), GetParam().kind)
      << GetParam().code << " " << core::to_string(kind_of(GetParam().code, GetParam().status));
}

INSTANTIATE_TEST_SUITE_P(
    Table, ServiceCodes,
    ::testing::Values(CodeCase{"NoSuchKey", 404, ErrorKind::NotFound},
                      CodeCase{"NoSuchBucket", 404, ErrorKind::NoBucket},
                      CodeCase{"NoSuchUpload", 404, ErrorKind::NoUpload},
                      CodeCase{"AccessDenied", 403, ErrorKind::Denied},
                      CodeCase{"SecurityTokenExpired", 403, ErrorKind::TokenRefused},
                      CodeCase{"SignatureDoesNotMatch", 403, ErrorKind::TokenRefused},
                      CodeCase{"RequestTimeTooSkewed", 403, ErrorKind::ClockSkewed},
                      CodeCase{"FileAlreadyExists", 409, ErrorKind::Exists},
                      CodeCase{"PreconditionFailed", 412, ErrorKind::Changed},
                      CodeCase{"InvalidRange", 416, ErrorKind::OutOfRange},
                      CodeCase{"InternalError", 500, ErrorKind::Unavailable},
                      CodeCase{"TotalQpsLimitExceeded", 503, ErrorKind::Throttled},
                      CodeCase{"EntityTooLarge", 400, ErrorKind::TooLarge},
                      CodeCase{"ExpiredToken", 400, ErrorKind::TokenRefused},
                      CodeCase{"InvalidToken", 400, ErrorKind::TokenRefused},
                      CodeCase{"PermanentRedirect", 301, ErrorKind::Protocol},
                      CodeCase{"BadDigest", 400, ErrorKind::Corrupt},
                      CodeCase{"ConditionalRequestConflict", 409, ErrorKind::Unavailable},
                      CodeCase{"MetadataTooLarge", 400, ErrorKind::TooLarge},
                      CodeCase{"ObjectParentIsFile", 409, ErrorKind::NotDirectory},
                      CodeCase{"QuotaExceeded", 403, ErrorKind::NoSpace},
                      // Codes that nobody told us of, and answers that are not the service's.
                      CodeCase{"SomethingNew", 400, ErrorKind::InvalidArgument},
                      CodeCase{"", 301, ErrorKind::Protocol}, CodeCase{"", 403, ErrorKind::Denied},
                      CodeCase{"", 404, ErrorKind::NotFound}, CodeCase{"", 408, ErrorKind::Timeout},
                      CodeCase{"", 412, ErrorKind::Changed},
                      CodeCase{"", 416, ErrorKind::OutOfRange},
                      CodeCase{"", 429, ErrorKind::Throttled},
                      CodeCase{"", 502, ErrorKind::Unavailable},
                      CodeCase{"", 503, ErrorKind::Throttled}));

TEST(Refusal, OfTheWrongEndpointNamesTheRightOne) {
  http::Response response;
  response.status = 403;
  response.body =
      "<Error><Code>AccessDenied</Code><Message>The bucket you are attempting to access must be "
      "addressed using the specified endpoint.</Message>"
      "<Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint></Error>";
  const Refusal refusal = read_refusal(response, traits_of(Dialect::Oss), true);
  EXPECT_EQ(refusal.error.kind, ErrorKind::Protocol);
  EXPECT_THAT(refusal.error.message, HasSubstr("oss-cn-beijing.aliyuncs.com"));
  ASSERT_TRUE(refusal.error.remote->elsewhere);
  EXPECT_EQ(refusal.error.remote->elsewhere->endpoint, "oss-cn-beijing.aliyuncs.com");
  EXPECT_FALSE(refusal.token_class);
}

TEST(Refusal, OfAWrongPlaceIsToldFromOneOfRights) {
  const auto elsewhere = [](int status, const std::string& code, const std::string& message) {
    http::Response response;
    response.status = status;
    response.body = "<Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>";
    const Refusal refusal = read_refusal(response, traits_of(Dialect::Oss), true);
    return refusal.error.remote->elsewhere.has_value();
  };
  EXPECT_TRUE(elsewhere(403, "AccessDenied",
                        "The bucket you are attempting to access must be addressed using the "
                        "specified endpoint. Please send all future requests to this endpoint."));
  EXPECT_TRUE(elsewhere(400, "InvalidArgument", "Invalid signing region in Authorization header."));
  EXPECT_FALSE(elsewhere(403, "AccessDenied", "You have no right to access this object."));
  EXPECT_FALSE(elsewhere(400, "InvalidArgument", "Invalid part number."));
}

TEST(Refusal, OfADeleteMarkerMeansNotFound) {
  http::Response response;
  response.status = 405;
  response.headers = {{"x-oss-delete-marker", "true"}};
  response.body = "<Error><Code>MethodNotAllowed</Code></Error>";
  EXPECT_EQ(read_refusal(response, traits_of(Dialect::Oss), true).error.kind, ErrorKind::NotFound);
}

TEST(Refusal, InAForeignTongueCountsByItsStatus) {
  http::Response response;
  response.status = 502;
  response.body = "<html><body>Bad gateway &nbsp;</body>";
  const Refusal refusal = read_refusal(response, traits_of(Dialect::Oss), true);
  EXPECT_EQ(refusal.error.kind, ErrorKind::Unavailable);
  EXPECT_EQ(refusal.error.message, "HTTP 502");
}

TEST(Refusal, CannotPutUsToSleepForLong) {
  http::Response response;
  response.status = 503;
  for (const char* value : {"86400", "9223372036854775807"}) {
    response.headers = {{"Retry-After", value}};
    EXPECT_EQ(read_refusal(response, traits_of(Dialect::Oss), true).pause,
              std::chrono::seconds{30});
  }
  for (const char* value : {"-5", "soon", ""}) {
    response.headers = {{"Retry-After", value}};
    EXPECT_EQ(read_refusal(response, traits_of(Dialect::Oss), true).pause, std::chrono::seconds{0});
  }
}

TEST(Region, ComesFromTheEndpointWhereItSays) {
  EXPECT_EQ(region_of("oss-cn-hangzhou.aliyuncs.com"), "cn-hangzhou");
  EXPECT_EQ(region_of("oss-us-west-1-internal.aliyuncs.com"), "us-west-1");
  EXPECT_EQ(region_of("cn-shanghai.oss.aliyuncs.com"), "cn-shanghai");
  EXPECT_EQ(region_of("s3.oss-cn-hangzhou.aliyuncs.com"), "cn-hangzhou");
  EXPECT_EQ(region_of("s3.eu-west-1.amazonaws.com"), "eu-west-1");
  EXPECT_EQ(region_of("s3.dualstack.eu-west-1.amazonaws.com"), "eu-west-1");
  EXPECT_EQ(region_of("s3-fips.us-gov-west-1.amazonaws.com"), "us-gov-west-1");
  EXPECT_EQ(region_of("s3.cn-north-1.amazonaws.com.cn"), "cn-north-1");
  EXPECT_EQ(region_of("s3.amazonaws.com"), "us-east-1");
  for (const char* host : {"oss-accelerate.aliyuncs.com", "oss-accelerate-overseas.aliyuncs.com",
                           "127.0.0.1", "data.example.com", "bucket.oss-cn-hangzhou.aliyuncs.com",
                           "sts.aliyuncs.com", "oss-.aliyuncs.com", "s3-accelerate.amazonaws.com",
                           "sts.eu-west-1.amazonaws.com", "s3..amazonaws.com"}) {
    EXPECT_FALSE(region_of(host)) << host;
  }
}

TEST(BucketNames, HaveDotsInS3Alone) {
  EXPECT_TRUE(is_bucket_name("www.example.com", Dialect::S3));
  EXPECT_FALSE(is_bucket_name("www.example.com", Dialect::Oss));
  for (const char* bad : {"ab", "Upper", "-ab", "ab.", "a_b", "a/b"}) {
    EXPECT_FALSE(is_bucket_name(bad, Dialect::S3)) << bad;
  }
}

struct AddressCase {
  const char* endpoint;
  Addressing addressing;
  const char* authority;
  const char* path;
  Dialect dialect = Dialect::Oss;
};
class Addresses : public ::testing::TestWithParam<AddressCase> {};

TEST_P(Addresses, AreBuilt) {
  const Endpoint endpoint(http::parse_origin(GetParam().endpoint).value(), "bkt",
                          GetParam().addressing, GetParam().dialect);
  EXPECT_EQ(endpoint.origin().authority(), GetParam().authority);
  EXPECT_EQ(endpoint.path("/a//b/../ü"), GetParam().path);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Addresses,
    ::testing::Values(
        AddressCase{"oss-x.aliyuncs.com", Addressing::Auto, "bkt.oss-x.aliyuncs.com",
                    "//a//b/../%C3%BC"},
        AddressCase{"http://127.0.0.1:80", Addressing::Auto, "127.0.0.1", "/bkt//a//b/../%C3%BC"},
        AddressCase{"http://[::1]:81", Addressing::Auto, "[::1]:81", "/bkt//a//b/../%C3%BC"},
        AddressCase{"http://localhost:9", Addressing::Auto, "localhost:9", "/bkt//a//b/../%C3%BC"},
        AddressCase{"http://localhost:9", Addressing::Virtual, "bkt.localhost:9",
                    "//a//b/../%C3%BC"},
        AddressCase{"s3.eu-west-1.amazonaws.com", Addressing::Auto,
                    "bkt.s3.eu-west-1.amazonaws.com", "//a//b/../%C3%BC", Dialect::S3},
        AddressCase{"ceph.example.com", Addressing::Auto, "ceph.example.com",
                    "/bkt//a//b/../%C3%BC", Dialect::S3},
        AddressCase{"minio.example.com", Addressing::Path, "minio.example.com",
                    "/bkt//a//b/../%C3%BC"},
        AddressCase{"cdn.example.com", Addressing::Cname, "cdn.example.com", "//a//b/../%C3%BC"}));

TEST(ContentRange, IsTakenOnlyWhenItMakesSense) {
  const auto read = [](const char* text) {
    return content_range(http::Headers{{"Content-Range", text}});
  };
  ASSERT_TRUE(read("bytes 0-9/10"));
  EXPECT_EQ(read("bytes 0-9/10")->range, (model::ByteRange{0, 10}));
  for (const char* bad : {"", "bytes */10", "bytes 0-9/*", "bytes 9-0/10", "bytes 0-10/10",
                          "bytes 0-/10", "items 0-9/10", "bytes 0-9", "bytes 0-9/10x"}) {
    EXPECT_FALSE(read(bad)) << bad;
  }
}

}  // namespace
}  // namespace oss
