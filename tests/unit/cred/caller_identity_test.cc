#include "cred/caller_identity.h"

#include <gmock/gmock.h>

#include <array>
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
  struct Row {
    std::string body;
    const char* says;
    int status;
    bool aws;
    ErrorKind kind;
  };
  const auto kRows = std::to_array<Row>({
      {R"({"Code":"InvalidAccessKeyId.NotFound","Message":"canary-secret is none"})", "is none",
       404, false, ErrorKind::Unauthenticated},
      {R"({"Code":"InvalidSecurityToken.Expired","Message":"m"})", "m", 400, false,
       ErrorKind::Unauthenticated},
      {R"({"Code":"InvalidApi.NotFound","Message":"m"})", "does not tell", 404, false,
       ErrorKind::Unsupported},
      {"<html>a page</html>", "does not tell", 403, false, ErrorKind::Unsupported},
      {"", "503", 503, false, ErrorKind::Unavailable},
      {xml + "InvalidClientTokenId</Code></Error></ErrorResponse>", "refused", 403, true,
       ErrorKind::Unauthenticated},
      {xml + "MethodNotAllowed</Code></Error></ErrorResponse>", "does not tell", 405, true,
       ErrorKind::Unsupported},
      {"", "status 404", 404, true, ErrorKind::Unsupported},
      {"", "status 501", 501, true, ErrorKind::Unsupported},
      {xml + "AccessDenied</Code></Error></ErrorResponse>", "", 403, true, ErrorKind::Denied},
      {"", "", 429, true, ErrorKind::Throttled},
  });
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
  const std::string huge(100'000, '[');
  const auto bodies = std::to_array<std::string>(
      {"", "[]", "{}", R"({"Arn":7})", R"({"Arn":"nobody"})", R"({"Arn":"acs:ram::1:user/a\nb"})",
       R"({"Arn":"acs:ram::1:user/)" + std::string(3000, 'x') + "\"}",
       "<html><body>log in</body></html>", "<GetCallerIdentityResponse/>",
       "<!DOCTYPE x><GetCallerIdentityResponse/>", huge});
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
  struct Row {
    const char* arn;
    const char* kind;
    const char* name;
    const char* session;
  };
  const auto kRows = std::to_array<Row>({
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
  });
  for (const auto& row : kRows) {
    const cred::Principal who = cred::principal_of(row.arn);
    EXPECT_EQ(who.kind, row.kind) << row.arn;
    EXPECT_EQ(who.name, row.name) << row.arn;
    EXPECT_EQ(who.session, row.session) << row.arn;
  }
}

}  // namespace
