// Signed URLs. That they work is shown with curl and the official clients; here: what is in them.
#include "core/text.h"
#include "unit/oss/store_fixture.h"

namespace oss {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

class Presign : public OssStoreTest {
 protected:
  Presign() { request_.key = model::ObjectKey("dir one/a+b"); }

  store::SignedUrl signed_url() {
    const auto result = store().presign(context_, request_);
    EXPECT_TRUE(result) << core::describe(result.error());
    expect_script_done(0);
    return result.value_or(store::SignedUrl{});
  }
  std::string refusal() {
    const auto result = store().presign(context_, request_);
    EXPECT_FALSE(result);
    return result ? std::string() : result.error().message;
  }

  store::UrlRequest request_;
};

TEST_F(Presign, KeepsSlashesAndEncodesTheRest) {
  EXPECT_THAT(signed_url().url,
              StartsWith("https://examplebucket.oss-cn-hangzhou.aliyuncs.com/dir%20one/a%2Bb?"));
}

TEST_F(Presign, SignsVersionFourWhereTheRegionIsKnownElseVersionOne) {
  EXPECT_THAT(signed_url().url, HasSubstr("x-oss-signature-version=OSS4-HMAC-SHA256"));
}

TEST_F(Presign, SignsVersionOneWithoutARegion) {
  options_.endpoint = http::parse_origin("http://127.0.0.1:8000").value();
  EXPECT_THAT(signed_url().url,
              AllOf(StartsWith("http://127.0.0.1:8000/examplebucket/dir%20one/a%2Bb?"),
                    HasSubstr("OSSAccessKeyId=STS.one"), HasSubstr("security-token=token-one")));
}

TEST_F(Presign, PutsTheVersionIntoTheQueryWhereItHasEffect) {
  request_.version_id = "CAEQ+1";
  EXPECT_THAT(signed_url().url, HasSubstr("versionId=CAEQ%2B1"));
}

TEST_F(Presign, RestrictsWhereAndHowFastItIsUsed) {
  request_.restrictions = {.bytes_per_second = 100ULL << 10U,
                           .source_ip = "10.1.0.0",
                           .subnet_bits = 16,
                           .vpc_id = "vpc-1",
                           .trust_forwarded_for = true};
  EXPECT_THAT(signed_url().url,
              AllOf(HasSubstr("x-oss-traffic-limit=819200"),
                    HasSubstr("x-oss-ac-source-ip=10.1.0.0"), HasSubstr("x-oss-ac-subnet-mask=16"),
                    HasSubstr("x-oss-ac-vpc-id=vpc-1"), HasSubstr("x-oss-ac-forward-allow=true")));
}

TEST_F(Presign, ListsHeadersThatItsUserMustSend) {
  request_.headers = {{"Accept-Encoding", "gzip"}, {"x-oss-storage-class", "IA"}};
  const auto four = signed_url();
  EXPECT_THAT(four.url, HasSubstr("x-oss-additional-headers=accept-encoding"));
  EXPECT_THAT(four.headers,
              ElementsAre(Pair("Accept-Encoding", "gzip"), Pair("x-oss-storage-class", "IA")));
  EXPECT_THAT(four.not_covered, IsEmpty());
}

TEST_F(Presign, SaysWhatVersionOneDoesNotCover) {
  options_.signing = Signing::V1;
  request_.headers = {{"versionId", "CAEQ"}, {"Content-Type", "text/plain"}};
  request_.parameters = {{"response-content-type", "a"}, {"mine", "b"}};
  const auto one = signed_url();
  EXPECT_THAT(one.headers, ElementsAre(Pair("Content-Type", "text/plain")));
  EXPECT_THAT(one.not_covered, ElementsAre("versionId", "mine"));
  EXPECT_THAT(one.url, Not(HasSubstr("versionId")));
}

TEST_F(Presign, EndsWithTheTokenInItAtTheLatest) {
  credentials_.replace_all();
  credentials_.add("STS.two", "t", clock_.steady_now() + std::chrono::seconds{1200});
  request_.lifetime = std::chrono::seconds{3600};
  const auto by_token = signed_url();
  EXPECT_TRUE(by_token.limited_by_token);
  EXPECT_EQ(by_token.expires, clock_.wall_now() + std::chrono::seconds{1200});
  request_.lifetime = std::chrono::seconds{60};
  EXPECT_FALSE(signed_url().limited_by_token);
}

TEST_F(Presign, GoesByTheServicesClock) {
  credentials_.offset = std::chrono::hours{1};
  EXPECT_GT(signed_url().expires, clock_.wall_now() + std::chrono::hours{1});
}

TEST_F(Presign, RefusesWhatTheServiceWould) {
  const auto with = [this](const std::function<void(store::UrlRequest&)>& change) {
    const store::UrlRequest kept = request_;
    change(request_);
    std::string said = refusal();
    request_ = kept;
    return said;
  };
  using Request = store::UrlRequest;
  EXPECT_THAT(with([](Request& r) { r.lifetime = std::chrono::hours{169}; }), HasSubstr("7 days"));
  EXPECT_THAT(with([](Request& r) { r.key = model::ObjectKey("/a"); }), HasSubstr("slash"));
  EXPECT_THAT(with([](Request& r) { r.restrictions.bytes_per_second = 1000; }),
              HasSubstr("100.0 KiB/s"));
  EXPECT_THAT(with([](Request& r) { r.restrictions.bytes_per_second = 1ULL << 40U; }),
              HasSubstr("100.0 MiB/s"));
  EXPECT_THAT(with([](Request& r) { r.restrictions.subnet_bits = 8; }), HasSubstr("mask"));
  EXPECT_THAT(with([](Request& r) { r.restrictions.source_ip = "10.0.0"; }),
              HasSubstr("no IP address"));
  EXPECT_THAT(with([](Request& r) {
                r.restrictions.source_ip = "::1";
                r.restrictions.subnet_bits = 129;
              }),
              HasSubstr("128"));
  EXPECT_THAT(with([](Request& r) {
                r.headers = {{"X-Oss-Traffic-Limit", "1"}};
              }),
              HasSubstr("parameter"));
  EXPECT_THAT(with([](Request& r) {
                r.method = store::UrlMethod::Head;
                r.restrictions.bytes_per_second = 1ULL << 20U;
              }),
              HasSubstr("get, put and post"));
}

TEST_F(Presign, HasNothingToSignWithWhenAnonymous) {
  credentials_.replace_all();
  credentials_.add("", "");
  EXPECT_THAT(refusal(), HasSubstr("nothing to sign"));
}

TEST_F(Presign, InTheOtherDialectKnowsNoRestrictions) {
  options_.dialect = Dialect::S3;
  options_.region = "us-east-1";
  EXPECT_THAT(signed_url().url, AllOf(HasSubstr("X-Amz-Signature="), HasSubstr("/dir%20one/a%2B")));
  request_.restrictions.vpc_id = "vpc-1";
  EXPECT_THAT(refusal(), HasSubstr("S3"));
}

}  // namespace
}  // namespace oss
