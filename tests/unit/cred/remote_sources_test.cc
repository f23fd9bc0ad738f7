// Sources that ask over the network, each answer scripted: metadata server, credentials URI.
#include <algorithm>

#include "cred/credentials_uri.h"
#include "cred/ecs_metadata.h"
#include "support/fake_transport.h"
#include "unit/cred/source_fixture.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using test::FailedAs;
using test::kNotConfigured;
using test::kPermanent;
using test::kTransient;
using test::Reply;
using test::Sent;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// A clock, and a network that answers from a script.
class RemoteTest : public ::testing::Test {
 protected:
  Reply reply(int status, std::string body = {}, http::Headers headers = {}) {
    if (!headers.get("Date")) {
      headers.add("Date", core::format_http_date(clock_.wall_now()));
    }
    Reply reply;
    reply.status = status;
    reply.headers = std::move(headers);
    reply.body = std::move(body);
    return reply;
  }
  static Reply nobody() {
    Reply reply;
    reply.error = core::fail(ErrorKind::Unavailable, "connection refused");
    return reply;
  }
  std::string document(core::Duration lifetime = 6h, const std::string& more = {}) {
    return R"({"AccessKeyId":"STS.1","AccessKeySecret":"canary-secret",)"
           R"("SecurityToken":"canary-token","Expiration":")" +
           core::format_iso8601(clock_.wall_now() + lifetime) + "\"" + more + "}";
  }

  test::FakeClock clock_;
  cred::ServiceClock service_clock_{clock_};
  test::FakeTransport transport_;
};

// --- documents ---------------------------------------------------------------------------------

TEST(CredentialsJson, TakesEverySpelling) {
  for (const char* text :
       {R"({"AccessKeyId":"a","AccessKeySecret":"s","SecurityToken":"t",)"
        R"("Expiration":"2024-01-02T03:04:05Z"})",
        R"({"mode":"StsToken","access_key_id":"a","access_key_secret":"s","sts_token":"t",)"
        R"("expiration":"2024-01-02T03:04:05Z"})",
        R"({"Code":"Success","AccessKeyId":"a","SecretAccessKey":"s","Token":"t",)"
        R"("Expiration":"2024-01-02T03:04:05.000Z"})"}) {
    std::string body = text;
    const auto given = cred::parse_credentials_json(body, cred::Completeness::Temporary, "x");
    ASSERT_TRUE(given) << text << core::describe(given.error());
    EXPECT_EQ(given->credentials.access_key_id, "a");
    EXPECT_EQ(given->credentials.access_key_secret, core::Secret("s"));
    EXPECT_EQ(given->credentials.token, core::Secret("t"));
    EXPECT_EQ(given->expiration, core::wall_from_unix(1'704'164'645));
  }
}

TEST(CredentialsJson, AKeyPairAloneIsEnoughWhereThatIsAllowed) {
  const std::string text = R"({"AccessKeyId":"a","AccessKeySecret":"s","SecurityToken":""})";
  std::string body = text;
  const auto given = cred::parse_credentials_json(body, cred::Completeness::KeyPair, "x");
  ASSERT_TRUE(given);
  EXPECT_FALSE(given->credentials.temporary());
  EXPECT_FALSE(given->expiration);
  body = text;
  const auto incomplete = cred::parse_credentials_json(body, cred::Completeness::Temporary, "x");
  ASSERT_FALSE(incomplete);
  EXPECT_EQ(incomplete.error().message, "the answer of x lacks SecurityToken");
}

TEST(CredentialsJson, AWrongTypeIsNoAbsence) {
  std::string body = R"({"AccessKeyId":"a","AccessKeySecret":"s","SecurityToken":["canary"]})";
  const auto given = cred::parse_credentials_json(body, cred::Completeness::KeyPair, "x");
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().message, "the answer of x has a member SecurityToken that is no text");
}

// --- metadata server -----------------------------------------------------------------------------

class EcsTest : public RemoteTest {
 protected:
  cred::EcsMetadata source(std::string role = "app", bool allow_weak = false) {
    cred::EcsOptions options;
    options.words = cred::traits_of(dialect_).metadata;
    options.endpoint = http::parse_origin(options.words.server).value();
    options.role_name = std::move(role);
    options.allow_weak = allow_weak;
    options.may_be_absent = may_be_absent_;
    return {std::move(options), transport_, service_clock_};
  }
  cred::Dialect dialect_ = cred::Dialect::Rpc;
  bool may_be_absent_ = false;
};

TEST_F(EcsTest, TakesASessionTokenFirstAndKeepsItForItsLife) {
  transport_.reply(reply(200, "session-1\n"))
      .reply(reply(200, "app"))
      .reply(reply(200, document(6h, R"(,"Code":"Success")")));
  auto ecs = source("");
  const auto lease = ecs.fetch({});
  ASSERT_TRUE(lease) << core::describe(lease.error().error);
  EXPECT_EQ(lease->credentials.access_key_id, "STS.1");
  EXPECT_EQ(lease->expires, clock_.steady_now() + 6h - 1s);
  auto sent = transport_.sent();
  EXPECT_EQ(sent[0].line(), "PUT /latest/api/token");
  EXPECT_EQ(sent[0].request.origin.authority(), "100.100.100.200");
  EXPECT_EQ(sent[0].header("X-aliyun-ecs-metadata-token-ttl-seconds"), "21600");
  EXPECT_EQ(sent[1].line(), "GET /latest/meta-data/ram/security-credentials/");
  EXPECT_EQ(sent[2].line(), "GET /latest/meta-data/ram/security-credentials/app");
  for (const std::size_t i : {1U, 2U}) {
    EXPECT_EQ(sent[i].header("X-aliyun-ecs-metadata-token"), "session-1");
  }
  EXPECT_TRUE(std::all_of(sent.begin(), sent.end(),
                          [](const Sent& one) { return one.patience.bypass_proxy; }));

  clock_.advance(4h);
  transport_.reply(reply(200, "app")).reply(reply(200, document()));
  ASSERT_TRUE(ecs.fetch({}));  // no new session
  clock_.advance(2h);
  transport_.reply(reply(200, "session-2")).reply(reply(200, "app")).reply(reply(200, document()));
  ASSERT_TRUE(ecs.fetch({}));
  EXPECT_EQ(transport_.left(), 0U);
  EXPECT_EQ(transport_.sent().back().header("X-aliyun-ecs-metadata-token"), "session-2");
}

TEST_F(EcsTest, AnEc2InstancesRoleComesFromImdsV2) {
  dialect_ = cred::Dialect::Aws;
  transport_.reply(reply(200, "session-token"))
      .reply(reply(200, "reader+role"))
      .reply(reply(200, R"({"Code":"Success","AccessKeyId":"ASIA2","SecretAccessKey":"s",)"
                        R"("Token":"t","Expiration":")" +
                            core::format_iso8601(clock_.wall_now() + 6h) + "\"}"));
  const auto fetched = source("").fetch({});
  ASSERT_TRUE(fetched) << fetched.error().error.message;
  EXPECT_EQ(fetched->credentials.access_key_id, "ASIA2");
  const auto sent = transport_.sent();
  EXPECT_EQ(sent.at(0).line(), "PUT /latest/api/token");
  EXPECT_EQ(sent.at(0).header("X-aws-ec2-metadata-token-ttl-seconds"), "21600");
  EXPECT_EQ(sent.at(1).line(), "GET /latest/meta-data/iam/security-credentials/");
  EXPECT_EQ(sent.at(2).header("X-aws-ec2-metadata-token"), "session-token");
  EXPECT_EQ(sent.at(2).request.origin.host, "169.254.169.254");
}

TEST_F(EcsTest, ReplacesASessionTokenThatIsRefusedOnce) {
  transport_.reply(reply(200, "session-1")).reply(reply(200, document()));
  auto ecs = source();
  ASSERT_TRUE(ecs.fetch({}));
  transport_.reply(reply(401)).reply(reply(200, "session-2")).reply(reply(200, document()));
  ASSERT_TRUE(ecs.fetch({}));
  transport_.reply(reply(401)).reply(reply(200, "session-3")).reply(reply(401));
  EXPECT_THAT(ecs.fetch({}), FailedAs(kTransient, "status 401"));
  EXPECT_EQ(transport_.left(), 0U);
}

TEST_F(EcsTest, RefusesTheWeakModeUnlessItIsAllowed) {
  transport_.reply(reply(404)).reply(reply(200, "app"));
  auto strict = source();
  EXPECT_THAT(strict.fetch({}), FailedAs(kPermanent, "only the weak mode answers"));
  for (const Sent& one : transport_.sent()) {
    EXPECT_FALSE(one.request.path.ends_with("app"));  // the credentials were never asked for
  }

  transport_.reply(reply(404)).reply(reply(200, "app")).reply(reply(200, document()));
  auto lenient = source("app", true);
  ASSERT_TRUE(lenient.fetch({}));
  EXPECT_EQ(transport_.sent().back().header("X-aliyun-ecs-metadata-token"), "");
  transport_.reply(reply(200, document()));
  ASSERT_TRUE(lenient.fetch({}));  // without asking for a token again
  // Hardened in the meantime.
  transport_.reply(reply(403)).reply(reply(200, "session")).reply(reply(200, document()));
  ASSERT_TRUE(lenient.fetch({}));
  EXPECT_EQ(transport_.sent().back().header("X-aliyun-ecs-metadata-token"), "session");
}

TEST_F(EcsTest, AServerInTroubleIsNoWeakOne) {
  transport_.reply(reply(503, "", {{"Retry-After", "3"}}));
  auto ecs = source("app", true);
  const auto fetched = ecs.fetch({});
  ASSERT_THAT(fetched, FailedAs(kTransient, "status 503"));
  EXPECT_EQ(fetched.error().retry_after, 3s);
}

TEST_F(EcsTest, WhoIsNowhereIsNotConfiguredOnlyInAChain) {
  transport_.reply(nobody());
  EXPECT_THAT(source().fetch({}), FailedAs(kTransient, "connection refused"));
  may_be_absent_ = true;
  transport_.reply(nobody());
  auto ecs = source();
  EXPECT_THAT(ecs.fetch({}), FailedAs(kNotConfigured, "connection refused"));
  transport_.reply(reply(200, "session")).reply(reply(200, document()));
  ASSERT_TRUE(ecs.fetch({}));
  transport_.reply(nobody());
  EXPECT_THAT(ecs.fetch({}), FailedAs(kTransient, "connection refused"));
}

TEST_F(EcsTest, AnInstanceWithoutARoleIsNotConfigured) {
  transport_.reply(reply(200, "session")).reply(reply(404));
  EXPECT_THAT(source("").fetch({}), FailedAs(kNotConfigured, "no RAM role"));
  transport_.reply(reply(200, "session")).reply(reply(404));
  EXPECT_THAT(source("other").fetch({}), FailedAs(kPermanent, "no RAM role other"));
}

struct Hostile {
  const char* name;
  int step;  ///< which of the three answers it is: session token, role name, credentials
  int status;
  std::string body;
  const char* words;
};
std::ostream& operator<<(std::ostream& out, const Hostile& row) { return out << row.name; }
class HostileMetadata : public EcsTest, public ::testing::WithParamInterface<Hostile> {};
TEST_P(HostileMetadata, IsRefusedAtFirstAndSurvivedLater) {
  const std::vector<Reply> good = {reply(200, "session"), reply(200, "app"),
                                   reply(200, document())};
  const auto hostile = [&] {
    for (int step = 0; step < GetParam().step; ++step) {
      transport_.reply(good[static_cast<std::size_t>(step)]);
    }
    transport_.reply(reply(GetParam().status, GetParam().body, {{"Location", "http://evil/"}}));
    if (GetParam().step == 0 && GetParam().status != 200) {
      transport_.reply(reply(GetParam().status));  // nor does it answer without a token
    }
  };
  auto ecs = source("");
  hostile();
  const auto first = ecs.fetch({});
  ASSERT_THAT(first, FailedAs(kPermanent, GetParam().words));
  EXPECT_EQ(first.error().error.kind, ErrorKind::Unauthenticated);  // not the network's fault
  EXPECT_EQ(transport_.left(), 0U);

  auto later = source("");
  for (const Reply& answer : good) {
    transport_.reply(answer);
  }
  ASSERT_TRUE(later.fetch({}));
  clock_.advance(6h);
  hostile();
  EXPECT_THAT(later.fetch({}), FailedAs(kTransient, GetParam().words));
  for (const Sent& one : transport_.sent()) {
    EXPECT_EQ(one.request.origin.host, "100.100.100.200");  // no redirect was followed
  }
}
INSTANTIATE_TEST_SUITE_P(
    Answers, HostileMetadata,
    ::testing::Values(
        Hostile{"TokenIsHtml", 0, 200, "<html>log in</html>", "session token is none"},
        Hostile{"TokenIsEmpty", 0, 200, "", "session token is none"},
        Hostile{"TokenHasTwoLines", 0, 200, "a\r\nX-Evil: 1", "session token is none"},
        Hostile{"TokenIsHuge", 0, 200, std::string(5000, 'x'), "session token is none"},
        Hostile{"TokenIsARedirect", 0, 302, "", "a redirect, which is never followed"},
        Hostile{"RoleIsHtml", 1, 200, "<html/>", "role's name is none"},
        Hostile{"RoleClimbs", 1, 200, "../../user-data", "role's name is none"},
        Hostile{"RoleIsTwo", 1, 200, "one\ntwo", "role's name is none"},
        Hostile{"RoleIsARedirect", 1, 301, "", "a redirect, which is never followed"},
        Hostile{"CredentialsAreHtml", 2, 200, "<html/>", "no JSON object"},
        Hostile{"CredentialsAreHuge", 2, 200, std::string(70'000, '{'), "longer than 64 KiB"},
        Hostile{"CredentialsAreARedirect", 2, 307, "", "a redirect, which is never followed"},
        Hostile{"CodeIsNoSuccess", 2, 200, R"({"Code":"Failed","Message":"no\ncredit"})",
                "says Failed: no"},
        Hostile{"OtherFields", 2, 200, R"({"Code":"Success","user":"x"})", "lacks AccessKeyId"},
        Hostile{"FieldIsNoText", 2, 200, R"({"AccessKeyId":{"canary":1}})", "that is no text"},
        Hostile{"NoExpiration", 2, 200,
                R"({"AccessKeyId":"a","AccessKeySecret":"canary","SecurityToken":"canary"})",
                "lacks Expiration"},
        Hostile{"ExpirationIsPast", 2, 200,
                R"({"AccessKeyId":"a","AccessKeySecret":"canary","SecurityToken":"canary",)"
                R"("Expiration":"2023-01-01T00:00:00Z"})",
                "had expired"},
        Hostile{"ExpirationIsNonsense", 2, 200,
                R"({"AccessKeyId":"a","AccessKeySecret":"canary","SecurityToken":"canary",)"
                R"("Expiration":"never"})",
                "no time"},
        Hostile{"TokenWithALineBreak", 2, 200,
                R"({"AccessKeyId":"a","AccessKeySecret":"canary","SecurityToken":"canary\nx: 1",)"
                R"("Expiration":"2030-01-01T00:00:00Z"})",
                "line break"}),
    [](const auto& row) { return std::string(row.param.name); });

// --- credentials URI -----------------------------------------------------------------------------

class UriTest : public RemoteTest {
 protected:
  cred::CredentialsUri source(const std::string& origin = "http://127.0.0.1:8080") {
    return {http::parse_origin(origin).value(), "/creds?pass=canary", transport_, service_clock_};
  }
};

TEST_F(UriTest, AsksOnceAndCountsTheLifeFromTheAnswersDate) {
  const auto there = clock_.wall_now() + 3h;  // their clock
  transport_.reply(reply(200,
                         R"({"Code":"Success","AccessKeyId":"STS.1","AccessKeySecret":"s",)"
                         R"("SecurityToken":"t","Expiration":")" +
                             core::format_iso8601(there + 15min) + "\"}",
                         {{"Date", core::format_http_date(there)}}));
  auto uri = source();
  const auto lease = uri.fetch({});
  ASSERT_TRUE(lease) << core::describe(lease.error().error);
  EXPECT_EQ(lease->expires, clock_.steady_now() + 15min - 1s);
  EXPECT_EQ(transport_.sent().at(0).line(), "GET /creds?pass=canary");
  EXPECT_TRUE(transport_.sent().at(0).patience.bypass_proxy);
  EXPECT_EQ(uri.describe(), "credentials URI http://127.0.0.1:8080/creds");
}

TEST_F(UriTest, SaysWhatIsWrongWithoutThePassword) {
  transport_.reply(reply(403, "canary"));
  EXPECT_THAT(source().fetch({}), FailedAs(kPermanent, "http://127.0.0.1:8080/creds: asked"));
  transport_.reply(reply(500));
  EXPECT_THAT(source("https://example.com").fetch({}), FailedAs(kTransient, "status 500"));
  EXPECT_FALSE(transport_.sent().back().patience.bypass_proxy);
  transport_.reply(reply(302, "", {{"Location", "http://evil/"}}));
  EXPECT_THAT(source().fetch({}), FailedAs(kPermanent, "redirect"));
  transport_.reply(reply(200, "<html>canary</html>"));
  EXPECT_THAT(source().fetch({}), FailedAs(kPermanent, "no JSON object"));
  transport_.reply(nobody());
  EXPECT_THAT(source().fetch({}), FailedAs(kTransient, "connection refused"));
}

TEST_F(UriTest, NonsenseAfterASuccessIsTransient) {
  auto uri = source();
  transport_.reply(reply(200, document())).reply(reply(200, "[]"));
  ASSERT_TRUE(uri.fetch({}));
  EXPECT_THAT(uri.fetch({}), FailedAs(kTransient, "no JSON object"));
}

TEST_F(UriTest, ShowsTheTokenThatIsAskedForAsItIsByNow) {
  const test::Folder folder;
  const auto source = [&](const std::string& token, const std::string& file) {
    return cred::CredentialsUri({"http", "169.254.170.23", 80}, "/v1", transport_, service_clock_,
                                {core::Secret(token), file.empty() ? file : folder.path(file)});
  };
  folder.write("token", "eyJ-one\n");
  auto agent = source("Basic unused", "token");
  transport_.reply(reply(200, document())).reply(reply(200, document()));
  ASSERT_TRUE(agent.fetch({}));
  folder.write("token", "eyJ-two\n");
  ASSERT_TRUE(agent.fetch({}));
  EXPECT_EQ(transport_.sent().at(0).header("Authorization"), "eyJ-one");
  EXPECT_EQ(transport_.sent().at(1).header("Authorization"), "eyJ-two");
  transport_.reply(reply(200, document()));
  ASSERT_TRUE(source("Basic canary", "").fetch({}));
  EXPECT_EQ(transport_.sent().at(2).header("Authorization"), "Basic canary");
  folder.write("empty", "\n");
  folder.write("lines", "canary\nX-Forged: yes");
  folder.write("huge", std::string(70'000, 'x'));
  EXPECT_THAT(source("", "missing").fetch({}), FailedAs(kPermanent, "missing"));
  EXPECT_THAT(source("", "empty").fetch({}), FailedAs(kPermanent, "it is empty"));
  EXPECT_THAT(source("", "lines").fetch({}), FailedAs(kPermanent, "no HTTP header may"));
  EXPECT_THAT(source("", "huge").fetch({}), FailedAs(kPermanent, "64 KiB"));
  EXPECT_THAT(source("canary\r\nX: y", "").fetch({}), FailedAs(kPermanent, "its authorization"));
  EXPECT_EQ(transport_.sent().size(), 3U);
}

}  // namespace
