#include "cred/caller_identity.h"

#include <gmock/gmock.h>

#include <chrono>

#include "support/fake_clock.h"
#include "support/fake_transport.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class CallerIdentity : public ::testing::Test {
 protected:
  core::Result<cred::CallerIdentity> ask() {
    return cred::caller_identity({}, transport_, service_, credentials_, service_clock_);
  }
  void reply(int status, std::string body, http::Headers headers = {}) {
    transport_.reply(test::Reply{status, std::move(headers), std::move(body), {}, {}});
  }
  void speak_aws() {
    service_.aws = true;
    service_.region = "eu-west-1";
  }

  test::FakeClock clock_;
  cred::ServiceClock service_clock_{clock_};
  test::FakeTransport transport_;
  cred::IdentityService service_{{"https", "sts.example", 443}, false, "", cred::StsSigning::Rpc};
  const sign::Credentials credentials_{"STS.id", core::Secret("canary-secret"),
                                       core::Secret("canary-token")};
};

TEST_F(CallerIdentity, TellsWhoseKeyItIs) {
  const char* answer =
      R"({"AccountId":"1","Arn":"acs:ram::1:assumed-role/r/s","PrincipalId":"3:s"})";
  reply(200, answer);
  const auto identity = ask();
  ASSERT_TRUE(identity) << core::describe(identity.error());
  EXPECT_EQ(identity->account, "1");
  EXPECT_EQ(identity->arn, "acs:ram::1:assumed-role/r/s");
  EXPECT_EQ(identity->id, "3:s");
  EXPECT_THAT(transport_.sent().at(0).body,
              AllOf(HasSubstr("Action=GetCallerIdentity"), HasSubstr("Version=2015-04-01"),
                    HasSubstr("SecurityToken=canary-token")));
  service_.signing = cred::StsSigning::Acs3;
  reply(200, answer);
  EXPECT_TRUE(ask());
  EXPECT_EQ(transport_.sent().at(1).header("x-acs-action"), "GetCallerIdentity");
  EXPECT_THAT(transport_.sent().at(1).header("Authorization"), StartsWith("ACS3-HMAC-SHA256 "));
}

TEST_F(CallerIdentity, SpeaksAsAwsDoes) {
  speak_aws();
  reply(200,
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
        "<GetCallerIdentityResult><Arn>arn:aws:iam::12:user/alice</Arn><UserId>AIDA</UserId>"
        "<Account>12</Account></GetCallerIdentityResult></GetCallerIdentityResponse>");
  const auto identity = ask();
  ASSERT_TRUE(identity) << core::describe(identity.error());
  EXPECT_EQ(identity->account, "12");
  EXPECT_EQ(identity->arn, "arn:aws:iam::12:user/alice");
  EXPECT_EQ(identity->id, "AIDA");
  const test::Sent sent = transport_.sent().at(0);
  EXPECT_EQ(sent.body, "Action=GetCallerIdentity&Version=2011-06-15");
  EXPECT_THAT(sent.header("Authorization"), HasSubstr("/eu-west-1/sts/aws4_request"));
}

TEST_F(CallerIdentity, LearnsTheServicesClockOnce) {
  const char* late = R"({"Code":"InvalidTimeStamp.Expired","Message":"late"})";
  const auto date = core::format_http_date(clock_.wall_now() + 20min);
  reply(400, late, {{"Date", date}});
  reply(400, late, {{"Date", date}});
  EXPECT_EQ(ask().error().kind, ErrorKind::ClockSkewed);
  EXPECT_EQ(transport_.sent().size(), 2U);
  EXPECT_EQ(service_clock_.offset(), 20min);
}

TEST_F(CallerIdentity, SaysWhyNobodyIsTold) {
  const std::string xml = "<ErrorResponse><Error><Code>";
  const struct {
    bool aws;
    int status;
    std::string body;
    ErrorKind kind;
    const char* says;
  } kRows[] = {
      {false, 404, R"({"Code":"InvalidAccessKeyId.NotFound","Message":"canary-secret is none"})",
       ErrorKind::Unauthenticated, "is none"},
      {false, 400, R"({"Code":"InvalidSecurityToken.Expired","Message":"m"})",
       ErrorKind::Unauthenticated, "m"},
      {false, 404, R"({"Code":"InvalidApi.NotFound","Message":"m"})", ErrorKind::Unsupported,
       "does not tell"},
      {false, 403, "<html>a page</html>", ErrorKind::Unsupported, "does not tell"},
      {false, 503, "", ErrorKind::Unavailable, "503"},
      {true, 403, xml + "InvalidClientTokenId</Code></Error></ErrorResponse>",
       ErrorKind::Unauthenticated, "refused"},
      {true, 405, xml + "MethodNotAllowed</Code></Error></ErrorResponse>", ErrorKind::Unsupported,
       "does not tell"},
      {true, 404, "", ErrorKind::Unsupported, "status 404"},
      {true, 501, "", ErrorKind::Unsupported, "status 501"},
      {true, 403, xml + "AccessDenied</Code></Error></ErrorResponse>", ErrorKind::Denied, ""},
      {true, 429, "", ErrorKind::Throttled, ""},
  };
  for (const auto& row : kRows) {
    service_.aws = row.aws;
    reply(row.status, row.body);
    const auto refused = ask();
    ASSERT_FALSE(refused) << row.body;
    EXPECT_EQ(refused.error().kind, row.kind) << row.body;
    EXPECT_THAT(core::describe(refused.error()),
                AllOf(HasSubstr(row.says), HasSubstr("GetCallerIdentity at sts.example"),
                      Not(HasSubstr("canary")), Not(HasSubstr("AssumeRole"))));
  }
}

TEST_F(CallerIdentity, BelievesNoAnswerThatMakesNoSense) {
  const std::string huge(10'000'000, '[');
  const std::string bodies[] = {"",
                                "[]",
                                "{}",
                                R"({"Arn":7})",
                                R"({"Arn":"nobody"})",
                                R"({"Arn":"acs:ram::1:user/a\nb"})",
                                R"({"Arn":"acs:ram::1:user/)" + std::string(3000, 'x') + "\"}",
                                "<html><body>log in</body></html>",
                                "<GetCallerIdentityResponse/>",
                                "<!DOCTYPE x><GetCallerIdentityResponse/>",
                                huge};
  for (const bool aws : {false, true}) {
    service_.aws = aws;
    for (const std::string& body : bodies) {
      reply(200, body);
      const auto refused = ask();
      ASSERT_FALSE(refused) << body.substr(0, 100);
      EXPECT_EQ(refused.error().kind, ErrorKind::Protocol) << body.substr(0, 100);
      EXPECT_LT(core::describe(refused.error()).size(), 200U);
    }
  }
}

TEST_F(CallerIdentity, PassesOnThatNobodyAnswers) {
  transport_.reply(
      test::Reply{0, {}, "", {}, core::fail(ErrorKind::Unavailable, "connection refused")});
  EXPECT_EQ(ask().error().kind, ErrorKind::Unavailable);
}

TEST(Principal, IsReadFromItsArn) {
  const struct {
    const char* arn;
    const char* kind;
    const char* name;
    const char* session;
  } kRows[] = {
      {"acs:ram::1:assumed-role/reader/host-1", "role", "reader", "host-1"},
      {"acs:ram::1:user/alice", "user", "alice", ""},
      {"acs:ram::1:root", "account", "1", ""},
      {"arn:aws:sts::12:assumed-role/reader/a", "role", "reader", "a"},
      {"arn:aws:iam::12:user/team/alice", "user", "team/alice", ""},
      {"arn:aws:sts::12:federated-user/bob", "federated-user", "bob", ""},
      {"arn:aws-cn:iam::12:root", "account", "12", ""},
      {"acs:ram::1:assumed-role/reader", "role", "reader", ""},
      {"acs:ram::1:user/a:b", "user", "a:b", ""},
      {"", "", "", ""},
      {"acs:ram::1:", "", "", ""},
      {"arn:aws:iam::1", "", "", ""},
      {"urn:a:b:c:d:user/x", "", "", ""},
  };
  for (const auto& row : kRows) {
    const cred::Principal who = cred::principal_of(row.arn);
    EXPECT_EQ(who.kind, row.kind) << row.arn;
    EXPECT_EQ(who.name, row.name) << row.arn;
    EXPECT_EQ(who.session, row.session) << row.arn;
  }
}

}  // namespace
