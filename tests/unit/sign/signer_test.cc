#include "sign/signer.h"

#include <gmock/gmock.h>

namespace {

using sign::Scheme;
using ::testing::HasSubstr;
using ::testing::Not;

const sign::Credentials kCanary{"STS.id", core::Secret("canary-secret"),
                                core::Secret("canary-token")};
const sign::Scope kScope{"bucket", "a/b", "cn-hangzhou"};
const core::WallTime kNow = core::wall_from_unix(1'704'164'645);

class AnyScheme : public ::testing::TestWithParam<Scheme> {};

TEST_P(AnyScheme, LeavesAnAnonymousRequestAlone) {
  http::Request request;
  request.query = {{"prefix", "a"}};
  sign::sign_header(request, {}, GetParam(), kScope, kNow);
  EXPECT_TRUE(request.headers.fields().empty());
  sign::sign_query(request, {}, GetParam(), kScope, kNow, std::chrono::minutes{1});
  EXPECT_TRUE(request.headers.fields().empty());
  EXPECT_EQ(request.target(), "/?prefix=a");
}

TEST_P(AnyScheme, GivesTheSameBytesForTheSameArgumentsHoweverOftenSigned) {
  http::Request once;
  once.query = {{"uploadId", "7"}};
  sign::sign_header(once, kCanary, GetParam(), kScope, kNow);
  http::Request again = once;
  sign::sign_header(again, kCanary, GetParam(), kScope, kNow + std::chrono::hours{1});
  EXPECT_NE(again.headers.get("Authorization"), once.headers.get("Authorization"));
  sign::sign_header(again, kCanary, GetParam(), kScope, kNow);
  EXPECT_EQ(again.headers.get("Authorization"), once.headers.get("Authorization"));
  EXPECT_EQ(again.headers.fields().size(), once.headers.fields().size());

  http::Request url = once;
  sign::sign_query(url, kCanary, GetParam(), kScope, kNow, std::chrono::minutes{1});
  EXPECT_FALSE(url.headers.get("Authorization"));
  http::Request renewed = url;
  sign::sign_query(renewed, kCanary, GetParam(), kScope, kNow, std::chrono::minutes{1});
  EXPECT_EQ(renewed.target(), url.target());
}

TEST_P(AnyScheme, ShowsNoSecretInWhatIsCompared) {
  http::Request request;
  sign::sign_header(request, kCanary, GetParam(), kScope, kNow);
  for (const std::string& text :
       {sign::string_to_sign(request, kCanary, GetParam(), kScope, kNow),
        sign::canonical_request(request, kCanary, GetParam(), kScope, kNow)}) {
    EXPECT_THAT(text, Not(HasSubstr("canary")));
    EXPECT_FALSE(text.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Schemes, AnyScheme,
                         ::testing::Values(Scheme::OssV1, Scheme::OssV4, Scheme::S3V4));

TEST(FirstDifference, NamesTheLine) {
  EXPECT_EQ(sign::first_difference("GET\n/a\nx", "GET\n/b\nx"),
            "line 2: we signed \"/a\", the service \"/b\"");
  EXPECT_EQ(sign::first_difference("GET", "GET\n/b"),
            "line 2: we signed \"(nothing)\", the service \"/b\"");
  EXPECT_FALSE(sign::first_difference("GET\n/a", "GET\n/a"));
}

TEST(FirstDifference, NeverShowsAToken) {
  EXPECT_FALSE(sign::first_difference("GET\nx-oss-security-token:(hidden)\n/a",
                                      "GET\nx-oss-security-token:canary\n/a"));
  EXPECT_THAT(sign::first_difference("GET\n/a", "GET\nx-oss-security-token:canary\n/a").value(),
              Not(HasSubstr("canary")));
  EXPECT_THAT(sign::first_difference("GET\n/a", "GET\n/a?security-token=canary").value(),
              Not(HasSubstr("canary")));
}

}  // namespace
