#include "cred/caller_identity.h"

#include <array>
#include <chrono>

#include "unit/cred/sts_fixture.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using test::Why;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CallerIdentity : public test::StsTest {
 protected:
  core::Result<cred::CallerIdentity> ask() { return cred::caller_identity({}, sts(), caller_); }
  static std::string identity(const std::string& arn) {
    return aws() ? "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                   "<GetCallerIdentityResult><Arn>" +
                       arn +
                       "</Arn><UserId>3:s</UserId><Account>1</Account></GetCallerIdentityResult>"
                       "</GetCallerIdentityResponse>"
                 : R"({"AccountId":"1","Arn":")" + arn + R"(","PrincipalId":"3:s"})";
  }
  void expect_refused(ErrorKind kind, const char* says) {
    const auto refused = ask();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, kind);
    EXPECT_THAT(core::describe(refused.error()),
                AllOf(HasSubstr(says), HasSubstr("GetCallerIdentity at " + speech().host),
                      Not(HasSubstr("canary")), Not(HasSubstr("AssumeRole"))));
  }

  const sign::Credentials caller_{"STS.id", core::Secret("canary-secret"),
                                  core::Secret("canary-token")};
};
FOR_EACH_STS(CallerIdentity);

TEST_P(CallerIdentity, TellsWhoseKeyItIs) {
  transport_.reply(reply(200, identity("acs:ram::1:assumed-role/r/s")));
  const auto told = ask();
  ASSERT_TRUE(told) << core::describe(told.error());
  EXPECT_EQ(told->account, "1");
  EXPECT_EQ(told->arn, "acs:ram::1:assumed-role/r/s");
  EXPECT_EQ(told->id, "3:s");
  EXPECT_EQ(action(0), "GetCallerIdentity");
  EXPECT_EQ(callers_token(0), "canary-token");
}

TEST_P(CallerIdentity, LearnsTheServicesClockOnce) {
  const auto date = core::format_http_date(clock_.wall_now() + 20min);
  transport_.reply(refusal(Why::ClockOff, "late", {{"Date", date}}))
      .reply(refusal(Why::ClockOff, "late", {{"Date", date}}));
  EXPECT_EQ(ask().error().kind, ErrorKind::ClockSkewed);
  EXPECT_EQ(transport_.sent().size(), 2U);
  EXPECT_EQ(service_clock_.offset(), 20min);
}

TEST_P(CallerIdentity, SaysWhyNobodyIsTold) {
  transport_.reply(refusal(Why::CallersTokenExpired, "canary-secret is none"));
  expect_refused(ErrorKind::Unauthenticated, "is none");
  transport_.reply(refusal(Why::CallersTokenExpired, ""));
  expect_refused(ErrorKind::Unauthenticated, "refused");
  transport_.reply(refusal(404, aws() ? "InvalidAction" : "InvalidApi.NotFound", "m"));
  expect_refused(ErrorKind::Unsupported, "does not tell");
  transport_.reply(reply(403, "<html>a page</html>"));
  expect_refused(ErrorKind::Unsupported, "does not tell");
  transport_.reply(reply(404, ""));
  expect_refused(ErrorKind::Unsupported, "status 404");
  transport_.reply(reply(501, ""));
  expect_refused(ErrorKind::Unsupported, "status 501");
  transport_.reply(reply(503, ""));
  expect_refused(ErrorKind::Unavailable, "status 503");
  transport_.reply(reply(429, ""));
  expect_refused(ErrorKind::Throttled, "");
  transport_.reply(refusal(Why::Denied));
  expect_refused(ErrorKind::Denied, "why");
  transport_.reply(nobody());
  expect_refused(ErrorKind::Unavailable, "connection refused");
}

TEST_P(CallerIdentity, BelievesNoAnswerThatMakesNoSense) {
  const auto bodies = std::to_array<std::string>(
      {"", "[]", "{}", R"({"Arn":7})", identity("nobody"),
       identity(aws() ? "acs:ram::1:user/a&#10;b" : R"(acs:ram::1:user/a\nb)"),
       identity("acs:ram::1:user/" + std::string(3000, 'x')), "<html><body>log in</body></html>",
       "<GetCallerIdentityResponse/>", "<!DOCTYPE x><GetCallerIdentityResponse/>",
       std::string(100'000, '[')});
  for (const std::string& body : bodies) {
    transport_.reply(reply(200, body));
    const auto refused = ask();
    ASSERT_FALSE(refused) << body.substr(0, 100);
    EXPECT_EQ(refused.error().kind, ErrorKind::Protocol) << body.substr(0, 100);
    EXPECT_LT(core::describe(refused.error()).size(), 200U);
  }
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
