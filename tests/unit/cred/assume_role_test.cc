#include "cred/assume_role.h"

#include <fstream>
#include <sstream>

#include "core/log.h"
#include "cred/static_source.h"
#include "support/fake_sts.h"
#include "unit/cred/source_fixture.h"
#include "unit/cred/sts_fixture.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using test::Form;
using test::kNotConfigured;
using test::kPermanent;
using test::kTransient;
using test::Sent;
using test::Why;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class AssumeRole : public test::StsTest {
 protected:
  std::unique_ptr<cred::CredentialSource> keys() {
    return std::make_unique<cred::StaticSource>(
        sign::Credentials{"LTAIbase", core::Secret("canary-base"), {}}, "keys", clock_);
  }
  cred::AssumeRole source(std::unique_ptr<cred::CredentialSource> base = nullptr) {
    cred::RoleRequest role;
    role.role_arn = speech().role;
    role.session_name = "host-1";
    role.duration = 900s;
    role.policy = R"({"Version":"1"})";
    role.external_id = "ext";
    return {std::move(role), base ? std::move(base) : keys(), sts()};
  }
  http::Headers dated(core::WallTime service) {
    return {{"Date", core::format_http_date(service)}};
  }
};
FOR_EACH_STS(AssumeRole);

MATCHER_P2(FailedWith, failure_class, kind, "") {
  if (arg) {
    *result_listener << "a lease";
    return false;
  }
  *result_listener << "class " << static_cast<int>(arg.error().kind) << ", "
                   << core::to_string(arg.error().error.kind) << ": "
                   << core::describe(arg.error().error);
  return arg.error().kind == failure_class && arg.error().error.kind == kind;
}

TEST_P(AssumeRole, AsksForWhatItWasTold) {
  transport_.reply(grant());
  ASSERT_TRUE(source().fetch({}));
  const Sent sent = transport_.sent().at(0);
  EXPECT_EQ(sent.line(), "POST /");
  EXPECT_EQ(sent.header("Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(action(0), "AssumeRole");
  Form asked = form(0);
  EXPECT_EQ(asked["RoleArn"], speech().role);
  EXPECT_EQ(asked["RoleSessionName"], "host-1");
  EXPECT_EQ(asked["DurationSeconds"], "900");
  EXPECT_EQ(asked["Policy"], "{\"Version\":\"1\"}");
  EXPECT_EQ(asked["ExternalId"], "ext");
}

TEST_P(AssumeRole, CountsTheLifetimeFromTheAnswersOwnDate) {
  // The service's clock is an hour ahead of ours: the token still lives 900 s, less the second that
  // two rounded times may be off.
  const auto service = clock_.wall_now() + 1h;
  transport_.reply(reply(200, credentials("AssumeRole", service + 900s), dated(service)));
  const auto lease = source().fetch({});
  ASSERT_TRUE(lease) << core::describe(lease.error().error);
  EXPECT_EQ(lease->issued, clock_.steady_now());
  EXPECT_EQ(*lease->expires, clock_.steady_now() + 899s);
  EXPECT_EQ(lease->credentials.access_key_id, "STS.1");
  EXPECT_EQ(lease->credentials.access_key_secret, core::Secret("canary-secret"));
  EXPECT_EQ(lease->credentials.token, core::Secret("canary/token+=="));
}

TEST_P(AssumeRole, CorrectsTheClockFromTheDateAndSignsAgain) {
  const auto service = clock_.wall_now() + 2h;
  transport_.reply(refusal(Why::ClockOff, "late", dated(service)))
      .reply(reply(200, credentials("AssumeRole", service + 900s), dated(service)));
  ASSERT_TRUE(source().fetch({}));
  EXPECT_EQ(service_clock_.offset(), 2h);
  ASSERT_EQ(transport_.sent().size(), 2U);
  const Sent again = transport_.sent()[1];
  const std::string signed_at = form(1)["Timestamp"] + again.header("x-acs-date");
  EXPECT_EQ(aws() ? "" : core::format_iso8601(service), signed_at);
  EXPECT_NE(transport_.sent()[0].header("x-amz-date"), aws() ? again.header("x-amz-date") : "-");
}

TEST_P(AssumeRole, GivesUpOnAClockThatDoesNotHelp) {
  transport_.reply(refusal(Why::ClockOff)).reply(refusal(Why::ClockOff));
  EXPECT_THAT(source().fetch({}), FailedWith(kTransient, ErrorKind::ClockSkewed));
  EXPECT_EQ(transport_.sent().size(), 2U);
}

TEST_P(AssumeRole, RereadsABaseWhoseTokenWasRefused) {
  test::FakeSts base(clock_, 1h);
  transport_.reply(grant()).reply(refusal(Why::CallersTokenExpired)).reply(grant());
  auto role = source(base.source());
  ASSERT_TRUE(role.fetch({}));
  ASSERT_TRUE(role.fetch({}));
  EXPECT_EQ(base.issued(), 2);  // kept between the first two requests, fetched anew for the third
  EXPECT_EQ(callers_token(0), "canary-token-1");
  EXPECT_EQ(callers_token(1), "canary-token-1");
  EXPECT_EQ(callers_token(2), "canary-token-2");
  transport_.reply(refusal(Why::CallersTokenExpired)).reply(refusal(Why::CallersTokenExpired));
  EXPECT_THAT(role.fetch({}), FailedWith(kTransient, ErrorKind::Unauthenticated));
}

TEST_P(AssumeRole, ABaseThatCannotRenewItsTokenIsRefusedForGood) {
  transport_.reply(refusal(Why::CallersTokenExpired)).reply(refusal(Why::CallersTokenExpired));
  EXPECT_THAT(source().fetch({}), FailedWith(kPermanent, ErrorKind::Unauthenticated));
  EXPECT_EQ(transport_.sent().size(), 2U);
}

TEST_P(AssumeRole, RenewsABaseThatIsAboutToExpire) {
  test::FakeSts base(clock_, 1h);
  transport_.reply(grant()).reply([this](const Sent&) { return grant(); });
  auto role = source(base.source());
  ASSERT_TRUE(role.fetch({}));
  clock_.advance(55min);
  ASSERT_TRUE(role.fetch({}));
  EXPECT_EQ(base.issued(), 2);
}

TEST_P(AssumeRole, HandsOnWhatItsBaseSays) {
  test::FakeSts base(clock_, 1h);
  base.fail_next({kNotConfigured, core::fail(ErrorKind::Unauthenticated, "no key here"), {}});
  auto role = source(base.source());
  const auto fetched = role.fetch({});
  EXPECT_THAT(fetched, FailedWith(kNotConfigured, ErrorKind::Unauthenticated));
  EXPECT_THAT(fetched.error().error.message,
              AllOf(HasSubstr(speech().role), HasSubstr("no key here")));
}

TEST_P(AssumeRole, ARefusalNamesRoleSessionCodeRequestAndAdvice) {
  transport_.reply(refusal(Why::WrongParameter, "the limits are 15min/1hr."));
  const auto fetched = source().fetch({});
  ASSERT_THAT(fetched, FailedWith(kPermanent, ErrorKind::InvalidArgument));
  const std::string text = core::describe(fetched.error().error);
  for (const std::string& part :
       {speech().role, std::string("host-1"), speech().host,
        speech().codes.at(Why::WrongParameter).code, std::string("15min/1hr"), std::string("REQ-1"),
        std::string("900 s up to the role's maximum"), std::string("400")}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST_P(AssumeRole, ADenialNamesWhoAsked) {
  transport_.reply(refusal(Why::Denied));
  const auto fetched = source().fetch({});
  ASSERT_THAT(fetched, FailedWith(kPermanent, ErrorKind::Denied));
  EXPECT_THAT(fetched.error().error.message, HasSubstr("caller: LTAIbase of keys"));
}

TEST_P(AssumeRole, HonoursTheServicesWishToWait) {
  transport_.reply(refusal(Why::Busy, "busy", {{"Retry-After", "7"}}))
      .reply(refusal(Why::Throttled, "flow control",
                     {{"x-ratelimit-user", "Limit:100,Remain:0,TimeLeft:1500,Reset:x"}}));
  auto role = source();
  auto fetched = role.fetch({});
  ASSERT_THAT(fetched, FailedWith(kTransient, ErrorKind::Unavailable));
  EXPECT_EQ(fetched.error().retry_after, 7s);
  fetched = role.fetch({});
  ASSERT_THAT(fetched, FailedWith(kTransient, ErrorKind::Throttled));
  EXPECT_EQ(fetched.error().retry_after, 1500ms);
}

TEST_P(AssumeRole, ABrokenConnectionIsTransientAndARefusedCertificateIsNot) {
  auto refused = nobody();
  refused.error = core::fail(ErrorKind::NotPermitted, "certificate expired");
  transport_.reply(nobody()).reply(refused);
  auto role = source();
  EXPECT_THAT(role.fetch({}), FailedWith(kTransient, ErrorKind::Unavailable));
  EXPECT_THAT(role.fetch({}), FailedWith(kPermanent, ErrorKind::NotPermitted));
}

TEST_P(AssumeRole, NonsenseIsTransientAndNamesTheRole) {
  transport_.reply(reply(200, "<html>hotel</html>"))
      .reply(reply(200, credentials("AssumeRole", clock_.wall_now() - 1h)));
  auto role = source();
  for (int n = 0; n < 2; ++n) {
    const auto fetched = role.fetch({});
    ASSERT_THAT(fetched, FailedWith(kTransient, ErrorKind::Protocol));
    EXPECT_THAT(fetched.error().error.message,
                AllOf(HasSubstr(speech().role), Not(HasSubstr("canary"))));
  }
}

// The service quotes our request back at us, token and signature included.
TEST_P(AssumeRole, NoSecretReachesErrorsLogsOrDescriptions) {
  const std::string log = ::testing::TempDir() + "cred_canary_" + speech().name + ".log";
  std::remove(log.c_str());
  ASSERT_TRUE(core::open_log(core::LogLevel::Trace, core::LogTarget::File, log));
  test::FakeSts base(clock_, 1h);
  transport_
      .reply(refusal(Why::WrongSignature,
                     "Specified signature is not matched with our calculation. server string to "
                     "sign is:POST&%2F&SecurityToken%3Dcanary-token-1"))
      .reply(refusal(Why::Denied, "the token canary-token-1 of canary-secret-1 may not"))
      .reply(refusal(Why::ClockOff))
      .reply(grant());
  auto role = source(base.source());
  std::string seen = role.describe();
  for (int i = 0; i < 3; ++i) {
    const auto fetched = role.fetch({});
    if (!fetched) {
      seen += core::describe(fetched.error().error);
    }
  }
  EXPECT_EQ(transport_.left(), 0U);
  ASSERT_TRUE(core::open_log(core::LogLevel::Info, core::LogTarget::Stderr));
  std::ostringstream written;
  written << std::ifstream(log).rdbuf();
  EXPECT_THAT(written.str(), HasSubstr("clock corrected"));  // the log is really this one
  EXPECT_THAT(seen + written.str(), Not(HasSubstr("canary")));
  EXPECT_THAT(seen, HasSubstr("(hidden)"));
  std::remove(log.c_str());
}

/// Only Alibaba Cloud's STS knows nonces.
class AssumeRoleByNonce : public AssumeRole {};
INSTANTIATE_TEST_SUITE_P(Sts, AssumeRoleByNonce, ::testing::Values(test::sts_speeches().front()));

TEST_P(AssumeRoleByNonce, TakesANewNonceWhenOneWasUsed) {
  transport_.reply(refusal(400, "SignatureNonceUsed", "used")).reply(grant());
  auto role = source();
  ASSERT_TRUE(role.fetch({}));
  EXPECT_NE(form(0)["SignatureNonce"], form(1)["SignatureNonce"]);
  for (int n = 0; n < 3; ++n) {
    transport_.reply(refusal(400, "SignatureNonceUsed", "used"));
  }
  EXPECT_THAT(role.fetch({}), FailedWith(kTransient, ErrorKind::Unavailable));
  EXPECT_EQ(transport_.sent().size(), 5U);
}

}  // namespace
