// Sources that ask over the network, each answer scripted: metadata server, credentials URI, web
// identity.
#include <algorithm>
#include <map>

#include "core/text.h"
#include "cred/credentials_uri.h"
#include "cred/ecs_metadata.h"
#include "cred/oidc_role.h"
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
    options.role_name = std::move(role);
    options.allow_weak = allow_weak;
    options.may_be_absent = may_be_absent_;
    return {std::move(options), transport_, service_clock_};
  }
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

// --- web identity ----------------------------------------------------------------------------

class OidcTest : public RemoteTest {
 protected:
  void write(const std::string& token) const { folder_.write("token", token); }
  [[nodiscard]] std::string path() const { return folder_.path("token"); }
  cred::OidcRole source() {
    return {{"acs:ram::1:role/pod", "acs:ram::1:oidc-provider/ack", path(), "pod-1", 900s,
             R"({"Version":"1"})"},
            {"https", "sts.cn-hangzhou.aliyuncs.com", 443},
            transport_,
            service_clock_};
  }
  Reply grant() { return reply(200, "{\"Credentials\":" + document(15min) + "}"); }
  Reply refuse(const std::string& code) {
    return reply(400, R"({"RequestId":"REQ","Code":")" + code +
                          R"(","Message":"the token canary-token-1 is not accepted"})");
  }
  std::map<std::string, std::string> form(std::size_t request) const {
    const std::string body = transport_.sent().at(request).body;
    std::map<std::string, std::string> form;
    for (const auto pair : core::split(body, '&')) {
      const auto at = pair.find('=');
      form[core::percent_decode(pair.substr(0, at))] = core::percent_decode(pair.substr(at + 1));
    }
    return form;
  }

  const test::Folder folder_;
};

TEST_F(OidcTest, SendsTheTokenOfTheFileUnsigned) {
  write("canary-token-1\n");
  transport_.reply(grant());
  auto oidc = source();
  const auto lease = oidc.fetch({});
  ASSERT_TRUE(lease) << core::describe(lease.error().error);
  EXPECT_EQ(lease->expires, clock_.steady_now() + 15min - 1s);
  auto sent = form(0);
  EXPECT_EQ(sent["Action"], "AssumeRoleWithOIDC");
  EXPECT_EQ(sent["Version"], "2015-04-01");
  EXPECT_EQ(sent["Format"], "JSON");
  EXPECT_EQ(sent["RoleArn"], "acs:ram::1:role/pod");
  EXPECT_EQ(sent["OIDCProviderArn"], "acs:ram::1:oidc-provider/ack");
  EXPECT_EQ(sent["OIDCToken"], "canary-token-1");
  EXPECT_EQ(sent["RoleSessionName"], "pod-1");
  EXPECT_EQ(sent["DurationSeconds"], "900");
  EXPECT_EQ(sent["Policy"], "{\"Version\":\"1\"}");
  EXPECT_FALSE(sent.contains("Signature") || sent.contains("AccessKeyId"));
  EXPECT_EQ(transport_.sent().at(0).line(), "POST /");
  EXPECT_EQ(transport_.sent().at(0).header("Authorization"), "");
}

TEST_F(OidcTest, ReadsTheFileAnewThroughASwappedLink) {
  folder_.write("first", "token-one");
  folder_.write("second", "token-two");
  folder_.link("first", "token");
  transport_.reply(grant()).reply(grant());
  auto oidc = source();
  ASSERT_TRUE(oidc.fetch({}));
  folder_.link("second", "token");
  ASSERT_TRUE(oidc.fetch({}));
  EXPECT_EQ(form(0)["OIDCToken"], "token-one");
  EXPECT_EQ(form(1)["OIDCToken"], "token-two");
}

TEST_F(OidcTest, ATokenRotatedUnderWayIsSentAgain) {
  write("canary-token-1");
  transport_
      .reply([this](const Sent&) {
        write("canary-token-2");
        return refuse("AuthenticationFail.OIDCToken.Expired");
      })
      .reply(grant());
  auto oidc = source();
  ASSERT_TRUE(oidc.fetch({}));
  EXPECT_EQ(form(1)["OIDCToken"], "canary-token-2");
}

TEST_F(OidcTest, ATokenThatIsRefusedIsNotSentTwice) {
  write("canary-token-1");
  transport_.reply(refuse("AuthenticationFail.OIDCToken.Invalid"));
  auto oidc = source();
  const auto fetched = oidc.fetch({});
  EXPECT_THAT(fetched, FailedAs(kPermanent, "AuthenticationFail.OIDCToken.Invalid"));
  EXPECT_THAT(core::describe(fetched.error().error),
              AllOf(HasSubstr("check its issuer"), HasSubstr("REQ"), HasSubstr("(hidden)")));
  EXPECT_EQ(transport_.sent().size(), 1U);
  transport_.reply(grant()).reply(refuse("AuthenticationFail.OIDCToken.Expired"));
  ASSERT_TRUE(oidc.fetch({}));
  EXPECT_THAT(oidc.fetch({}), FailedAs(kTransient, "AuthenticationFail.OIDCToken.Expired"));
}

TEST_F(OidcTest, JudgesOtherRefusalsAsStsDoes) {
  write("canary-token-1");
  auto oidc = source();
  transport_.reply(refuse("EntityNotExist.OIDCProvider"))
      .reply(refuse("NoPermission"))
      .reply(refuse("Throttling.User"))
      .reply(nobody());
  EXPECT_THAT(oidc.fetch({}), FailedAs(kPermanent, "there is no such identity provider"));
  EXPECT_THAT(oidc.fetch({}), FailedAs(kPermanent, "NoPermission"));
  EXPECT_THAT(oidc.fetch({}), FailedAs(kTransient, "Throttling.User"));
  EXPECT_THAT(oidc.fetch({}), FailedAs(kTransient, "connection refused"));
}

struct BadFile {
  const char* name;
  std::string content;
  const char* words;
};
std::ostream& operator<<(std::ostream& out, const BadFile& row) { return out << row.name; }
class BadTokenFile : public OidcTest, public ::testing::WithParamInterface<BadFile> {};
TEST_P(BadTokenFile, IsRefusedAtFirstAndTransientWhileMounted) {
  write(GetParam().content);
  auto oidc = source();
  const auto fetched = oidc.fetch({});
  EXPECT_THAT(fetched, FailedAs(kPermanent, GetParam().words));
  EXPECT_THAT(core::describe(fetched.error().error), HasSubstr(path()));
  write("a-good-token");
  transport_.reply(grant());
  ASSERT_TRUE(oidc.fetch({}));
  write(GetParam().content);
  EXPECT_THAT(oidc.fetch({}), FailedAs(kTransient, GetParam().words));
  EXPECT_EQ(transport_.sent().size(), 1U);  // nothing bad was sent
}
INSTANTIATE_TEST_SUITE_P(
    Contents, BadTokenFile,
    ::testing::Values(BadFile{"Empty", "", "it is empty"}, BadFile{"Blank", " \n\n", "it is empty"},
                      BadFile{"Short", "abc", "too short"},
                      BadFile{"Huge", std::string(30'000, 'x'), "longer than the 20000"},
                      BadFile{"Binary", std::string("canary\0\x01z", 9), "no token has"},
                      BadFile{"TwoLines", "canary-one\ncanary-two", "no token has"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(OidcTest, AMissingFileIsNamed) {
  EXPECT_THAT(source().fetch({}), FailedAs(kPermanent, path()));
  std::filesystem::create_directory(path());
  EXPECT_THAT(source().fetch({}), FailedAs(kPermanent, "not a regular file"));
}

}  // namespace
