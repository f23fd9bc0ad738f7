// Signing, refusal, signing again, and what is repeated.
#include <thread>

#include "unit/oss/store_fixture.h"

namespace oss {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const http::Headers kHead = {{"ETag", "\"E\""}, {"Content-Length", "3"}};

class Client : public OssStoreTest {};

TEST_F(Client, SignsWithVersion4AndTheRegionOfTheEndpoint) {
  transport_.reply(ok(kHead));
  ASSERT_TRUE(store().head(context_, model::ObjectKey("a b/ü+%/..")));
  const test::Sent sent = transport_.sent().at(0);
  EXPECT_EQ(sent.line(), "HEAD /a%20b/%C3%BC%2B%25/..");
  EXPECT_EQ(sent.request.origin.authority(), "examplebucket.oss-cn-hangzhou.aliyuncs.com");
  EXPECT_EQ(sent.request.origin.scheme, "https");
  EXPECT_THAT(sent.header("Authorization"),
              StartsWith("OSS4-HMAC-SHA256 Credential=STS.one/20240102/cn-hangzhou/oss/"));
  EXPECT_EQ(sent.header("x-oss-security-token"), "token-one");
  EXPECT_EQ(sent.header("x-oss-date"), "20240102T030405Z");
}

TEST_F(Client, SignsWithVersion1WhereNoRegionIsKnown) {
  options_.endpoint = http::parse_origin("http://127.0.0.1:9000").value();
  transport_.reply(ok(kHead));
  ASSERT_TRUE(store().head(context_, key_));
  EXPECT_EQ(transport_.sent().at(0).line(), "HEAD /examplebucket/logs/a.txt");
  EXPECT_THAT(transport_.sent().at(0).header("Authorization"), StartsWith("OSS STS.one:"));
}

TEST_F(Client, AsksAgainWhereALengthOfNothingHasTheSumOfSomething) {
  http::Headers wrong = {{"ETag", "\"E\""}, {"Content-Length", "0"}, {"x-oss-hash-crc64ecma", "7"}};
  http::Headers right = {{"ETag", "\"E\""}, {"Content-Length", "3"}, {"x-oss-hash-crc64ecma", "7"}};
  transport_.reply(ok(wrong)).reply(ok(right));
  const auto meta = store().head(context_, key_);
  ASSERT_TRUE(meta) << meta.error().message;
  EXPECT_EQ(meta->size, 3U);
  expect_script_done(2);
}

class TokenRefusals : public OssStoreTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(TokenRefusals, AreAnsweredWithTheSuccessor) {
  credentials_.add("STS.two", "token-two");
  transport_.reply(refusal(403, GetParam())).reply(ok(kHead));
  ASSERT_TRUE(store().head(context_, key_));
  EXPECT_THAT(credentials_.rejected, ElementsAre(1));
  EXPECT_EQ(transport_.sent().at(1).header("x-oss-security-token"), "token-two");
  EXPECT_THAT(transport_.sent().at(1).header("Authorization"), HasSubstr("STS.two"));
  EXPECT_EQ(metric("token_refusals"), 1);
}

TEST_P(TokenRefusals, AreFinalWhenTheSuccessorIsRefusedToo) {
  credentials_.add("STS.two", "token-two");
  credentials_.add("STS.three", "token-three");
  transport_.reply(refusal(403, GetParam())).reply(refusal(403, GetParam()));
  const auto meta = store().head(context_, key_);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::TokenRefused);
  EXPECT_THAT(credentials_.rejected, ElementsAre(1, 2));
  expect_script_done(2);
}

INSTANTIATE_TEST_SUITE_P(Codes, TokenRefusals,
                         ::testing::Values("SecurityTokenExpired", "InvalidSecurityToken",
                                           "InvalidAccessKeyId"));

TEST_F(Client, ATokenThatRanOutOnTheWayIsNoRefusalOfItsSuccessor) {
  credentials_.replace_all();
  for (int n = 1; n <= 3; ++n) {
    credentials_.add("STS.x", "token-" + std::to_string(n), clock_.steady_now() + n * 10s);
  }
  const auto late = [this](const test::Sent&) {
    clock_.advance(10s);
    return refusal(403, "SecurityTokenExpired");
  };
  transport_.reply(late).reply(late).reply(ok(kHead));
  ASSERT_TRUE(store().head(context_, key_));
  expect_script_done(3);
}

// Everything is revoked right after a renewal in the background: the request had the old token, and
// the new one was asked for before anybody saw a refusal.
TEST_F(Client, ATokenAskedForBeforeTheRefusalWasSeenIsNoSuccessor) {
  credentials_.add("STS.two", "token-two", std::nullopt, clock_.steady_now());
  credentials_.add("STS.three", "token-three");
  const auto revoked = [this](const test::Sent&) {
    clock_.advance(1s);
    return refusal(403, "InvalidSecurityToken");
  };
  transport_.reply(revoked).reply(revoked).reply(ok(kHead));
  ASSERT_TRUE(store().head(context_, key_));
  EXPECT_THAT(credentials_.rejected, ElementsAre(1, 2));
  EXPECT_EQ(transport_.sent().at(2).header("x-oss-security-token"), "token-three");
}

TEST_F(Client, OneAskedForAfterwardsIsFinalWhateverCameBetween) {
  credentials_.add("STS.two", "token-two", std::nullopt, clock_.steady_now());
  credentials_.add("STS.three", "token-three", std::nullopt, clock_.steady_now() + 5s);
  credentials_.add("STS.four", "token-four");
  for (int i = 0; i < 3; ++i) {
    transport_.reply([this](const test::Sent&) {
      clock_.advance(2s);
      return refusal(403, "InvalidSecurityToken");
    });
  }
  const auto meta = store().head(context_, key_);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::TokenRefused);
  EXPECT_THAT(credentials_.rejected, ElementsAre(1, 2, 3));
  expect_script_done(3);
}

TEST_F(Client, ALongLivedKeyThatIsRefusedIsFinal) {
  credentials_.replace_all();
  credentials_.add("LTAI", "");
  transport_.reply(refusal(403, "InvalidAccessKeyId"));
  const auto meta = store().head(context_, key_);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::TokenRefused);
  EXPECT_TRUE(credentials_.rejected.empty());
  EXPECT_TRUE(transport_.sent().at(0).header("x-oss-security-token").empty());
  expect_script_done(1);
}

TEST_F(Client, SaysWhoFailedWhenNoSuccessorComes) {
  transport_.reply(refusal(403, "InvalidSecurityToken"));
  const auto meta = store().head(context_, key_);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::Unauthenticated);
  EXPECT_EQ(meta.error().message, "HeadObject logs/a.txt: no successor");
}

TEST_F(Client, AccessDeniedIsAPolicyNotAToken) {
  transport_.reply(refusal(403, "AccessDenied"));
  const auto meta = store().head(context_, key_);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::Denied);
  EXPECT_EQ(meta.error().message, "HeadObject logs/a.txt: AccessDenied: no AccessDenied");
  ASSERT_TRUE(meta.error().remote);
  EXPECT_EQ(meta.error().remote->status, 403);
  EXPECT_EQ(meta.error().remote->code, "AccessDenied");
  EXPECT_EQ(meta.error().remote->request_id, "REQ");
  EXPECT_EQ(meta.error().remote->ec, "EC1");
  EXPECT_TRUE(credentials_.rejected.empty());
}

TEST_F(Client, CorrectsTheClockOnceAndSignsAgain) {
  test::Reply skewed = refusal(403, "RequestTimeTooSkewed");
  skewed.headers.add("Date", "Tue, 02 Jan 2024 04:04:05 GMT");
  transport_
      .reply([&](const test::Sent&) {
        credentials_.offset = 1h;
        return skewed;
      })
      .reply(ok(kHead));
  ASSERT_TRUE(store().head(context_, key_));
  EXPECT_THAT(credentials_.corrections, ElementsAre(core::wall_from_unix(1'704'168'245)));
  EXPECT_EQ(transport_.sent().at(1).header("x-oss-date"), "20240102T040405Z");
  transport_.reply(skewed).reply(skewed);
  const auto meta = store().head(context_, key_);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::ClockSkewed);
  expect_script_done(4);
}

TEST_F(Client, RepeatsWhatMayPassAndSignsEveryAttemptAnew) {
  credentials_.add("STS.two", "token-two");
  transport_.reply(broken())
      .reply([&](const test::Sent&) {
        credentials_.reject(1);  // somebody else found out
        return refusal(500, "InternalError");
      })
      .reply(refusal(503, "QpsLimitExceeded"))
      .reply(ok(kHead));
  ASSERT_TRUE(store().head(context_, key_));
  EXPECT_EQ(transport_.sent().at(1).header("x-oss-security-token"), "token-one");
  EXPECT_EQ(transport_.sent().at(2).header("x-oss-security-token"), "token-two");
  EXPECT_EQ(metric("requests.HeadObject"), 4);
  EXPECT_EQ(metric("errors.HeadObject"), 3);
  EXPECT_EQ(metric("retries"), 3);
  EXPECT_THAT(told_to_wait_, ::testing::ElementsAre(0s));  // by the 503 alone
}

TEST_F(Client, GivesUpAfterItsAttempts) {
  for (int n = 0; n < 4; ++n) {
    transport_.reply(broken());
  }
  const auto meta = store().head(context_, key_);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::Unavailable);
  expect_script_done(4);
}

TEST_F(Client, DoubtsTheFailureOfAConditionThatItDidNotSend) {
  options_.retry.doubted = 2;
  transport_.reply(refusal(412, "PreconditionFailed")).reply(ok(kHead));
  EXPECT_TRUE(store().head(context_, key_));
  expect_script_done(2);
}

class Pauses : public OssStoreTest,
               public ::testing::WithParamInterface<std::pair<const char*, const char*>> {};

TEST_P(Pauses, AreHonoured) {
  test::Reply slow = refusal(503, "DownloadTrafficRateLimitExceeded");
  slow.headers.add(GetParam().first, GetParam().second);
  transport_.reply(slow).reply(ok(kHead));
  const auto began = clock_.steady_now();
  core::Result<store::ObjectMeta> meta = core::fail(ErrorKind::Internal, "not yet");
  std::jthread worker([&] { meta = store().head(context_, key_); });
  clock_.await_sleepers(1);
  EXPECT_EQ(transport_.sent().size(), 1U);
  clock_.advance(2s);
  worker.join();
  ASSERT_TRUE(meta);
  EXPECT_EQ(clock_.steady_now() - began, 2s);
  EXPECT_THAT(told_to_wait_, ::testing::ElementsAre(2s));  // and everybody else may hear of it
}

INSTANTIATE_TEST_SUITE_P(Headers, Pauses,
                         ::testing::Values(std::pair("x-oss-qos-delay-time", "2000"),
                                           std::pair("Retry-After", "2")));

TEST_F(Client, SmallRequestsAreBoundedAndDataIsNot) {
  transport_.reply(ok(kHead)).reply(ok({{"ETag", "\"E\""}}));
  ASSERT_TRUE(store().head(context_, key_));
  EXPECT_EQ(transport_.sent().at(0).deadline, clock_.steady_now() + options_.request_timeout);
  ASSERT_TRUE(store().put(context_, key_, store::text_source("x"), {}, {}));
  EXPECT_EQ(transport_.sent().at(1).deadline, core::SteadyTime::max());
}

TEST_F(Client, NamesTheFirstDifferenceOfTheStringsToSign) {
  transport_.reply(refusal(403, "SignatureDoesNotMatch",
                           "<StringToSign>OSS4-HMAC-SHA256\n20240102T030405Z\n"
                           "20240102/cn-beijing/oss/aliyun_v4_request\nabc</StringToSign>"));
  const auto meta = store().head(context_, key_);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::TokenRefused);
  EXPECT_THAT(meta.error().message, HasSubstr("line 3"));
  EXPECT_THAT(meta.error().message, HasSubstr("cn-beijing"));
}

TEST_F(Client, NeverShowsSecrets) {
  // A service that repeats the token in its refusal, as it does for token errors.
  credentials_.add("STS.two", "token-two");
  transport_.reply(refusal(403, "InvalidSecurityToken", "<SecurityToken>token-one</SecurityToken>"))
      .reply(refusal(403, "InvalidSecurityToken", "<SecurityToken>token-two</SecurityToken>"));
  const auto meta = store().head(context_, key_);
  ASSERT_FALSE(meta);
  EXPECT_THAT(core::describe(meta.error()), Not(HasSubstr("token-")));
}

TEST(OpenStore, RefusesWhatCannotWork) {
  test::FakeTransport transport;
  ScriptedCredentials credentials;
  test::FakeClock clock;
  core::Random random{1};
  core::Metrics metrics;
  const Surroundings world{transport, credentials, clock, random, metrics};
  Options options;
  options.endpoint = http::parse_origin("http://127.0.0.1:1").value();
  options.bucket = "Bad_Name";
  EXPECT_EQ(open_store(options, world).error().kind, ErrorKind::InvalidArgument);
  options.bucket = "good-name";
  EXPECT_TRUE(open_store(options, world));
  options.signing = Signing::V4;
  EXPECT_EQ(open_store(options, world).error().kind, ErrorKind::InvalidArgument);
  options.region = "cn-hangzhou";
  EXPECT_TRUE(open_store(options, world));
  options.bucket = "www.example.com";
  EXPECT_EQ(open_store(options, world).error().kind, ErrorKind::InvalidArgument);
  options.dialect = Dialect::S3;
  options.region.clear();
  EXPECT_TRUE(open_store(options, world));
  options.signing = Signing::V1;
  EXPECT_EQ(open_store(options, world).error().kind, ErrorKind::InvalidArgument);
}

}  // namespace
}  // namespace oss
