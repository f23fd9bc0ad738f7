#include "cred/assume_role.h"

#include <gmock/gmock.h>

#include <deque>
#include <fstream>
#include <map>
#include <sstream>

#include "core/log.h"
#include "core/text.h"
#include "cred/static_source.h"
#include "sign/rpc.h"
#include "support/fake_clock.h"
#include "support/fake_sts.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using cred::FetchFailure;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// The form that a request carried, decoded.
using Form = std::map<std::string, std::string>;

/// Gives the scripted answers in turn and keeps what was sent.
class ScriptedTransport final : public http::Transport {
 public:
  void send(http::Exchange exchange, Done done) override {
    std::string body(exchange.request.body->size(), '\0');
    const auto size = exchange.request.body->read(
        0, std::as_writable_bytes(std::span<char>(body.data(), body.size())));
    ASSERT_TRUE(size && *size == body.size());
    Form form;
    for (const auto pair : core::split(body, '&')) {
      const auto at = pair.find('=');
      form[core::percent_decode(pair.substr(0, at))] = core::percent_decode(pair.substr(at + 1));
    }
    forms.push_back(std::move(form));
    requests.push_back(std::move(exchange.request));
    if (answers.empty()) {
      return done(core::fail(ErrorKind::Unavailable, "connection refused"));
    }
    auto answer = std::move(answers.front());
    answers.pop_front();
    done(std::move(answer));
  }

  std::deque<core::Result<http::Response>> answers;
  std::vector<http::Request> requests;
  std::vector<Form> forms;
};

constexpr const char* kRole = "acs:ram::123456789012:role/ossrole";

class AssumeRoleTest : public ::testing::Test {
 protected:
  std::unique_ptr<cred::CredentialSource> environment() {
    cred::EnvironmentValues values;
    values[0] = {"LTAIbase", core::Secret("canary-base-secret"), {}};
    return std::make_unique<cred::EnvironmentSource>(std::move(values), clock_);
  }
  cred::AssumeRole source(std::unique_ptr<cred::CredentialSource> base = nullptr) {
    return {{kRole, "ossmount", 900s, R"({"Version":"1"})", "ext", signing_},
            base ? std::move(base) : environment(),
            {"https", "sts.cn-hangzhou.aliyuncs.com", 443},
            transport_,
            service_clock_};
  }
  void answer(int status, std::string body, http::Headers headers = {}) {
    if (!headers.get("Date")) {
      headers.add("Date", core::format_http_date(clock_.wall_now()));
    }
    transport_.answers.emplace_back(http::Response{status, std::move(headers), std::move(body)});
  }
  void refuse(int status, const std::string& code, const std::string& message = "why",
              http::Headers headers = {}) {
    answer(status,
           R"({"RequestId":"REQ-1","HostId":"sts","Code":")" + code + R"(","Message":")" + message +
               "\"}",
           std::move(headers));
  }
  /// `expiration` counts from the wall clock.
  static std::string credentials(core::WallTime expiration, const std::string& id = "STS.1") {
    return R"({"RequestId":"REQ-1","AssumedRoleUser":{"Arn":"a","AssumedRoleId":"b"},)"
           R"("Credentials":{"AccessKeyId":")" +
           id + R"(","AccessKeySecret":"canary-secret","SecurityToken":"canary-token",)" +
           R"("Expiration":")" + core::format_iso8601(expiration) + "\"}}";
  }
  void grant(core::Duration lifetime = 900s) {
    answer(200, credentials(clock_.wall_now() + lifetime));
  }

  test::FakeClock clock_;
  cred::ServiceClock service_clock_{clock_};
  ScriptedTransport transport_;
  cred::StsSigning signing_ = cred::StsSigning::Rpc;
};

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

TEST_F(AssumeRoleTest, SendsASignedForm) {
  grant();
  auto role = source();
  ASSERT_TRUE(role.fetch({}));
  ASSERT_EQ(transport_.forms.size(), 1U);
  Form form = transport_.forms[0];
  EXPECT_EQ(form["Action"], "AssumeRole");
  EXPECT_EQ(form["RoleArn"], kRole);
  EXPECT_EQ(form["RoleSessionName"], "ossmount");
  EXPECT_EQ(form["DurationSeconds"], "900");
  EXPECT_EQ(form["Policy"], "{\"Version\":\"1\"}");
  EXPECT_EQ(form["ExternalId"], "ext");
  EXPECT_EQ(form["AccessKeyId"], "LTAIbase");
  EXPECT_EQ(form["Timestamp"], core::format_iso8601(clock_.wall_now()));
  std::vector<http::QueryParam> parameters;
  for (const auto& [name, value] : form) {
    parameters.push_back({name, value});
  }
  EXPECT_EQ(form["Signature"], sign::rpc_signature(sign::rpc_string_to_sign("POST", parameters),
                                                   core::Secret("canary-base-secret")));
  const http::Request& request = transport_.requests[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target(), "/");
  EXPECT_EQ(request.headers.get("Content-Type"), "application/x-www-form-urlencoded");
}

TEST_F(AssumeRoleTest, SignsTheNewerWayWhenTold) {
  signing_ = cred::StsSigning::Acs3;
  test::FakeSts base(clock_, 1h);
  grant();
  auto role = source(base.source());
  ASSERT_TRUE(role.fetch({}));
  const http::Request& request = transport_.requests[0];
  EXPECT_EQ(request.headers.get("x-acs-action"), "AssumeRole");
  EXPECT_EQ(request.headers.get("x-acs-version"), "2015-04-01");
  EXPECT_EQ(request.headers.get("x-acs-security-token"), "canary-token-1");
  EXPECT_THAT(std::string(request.headers.get("Authorization").value_or("")),
              HasSubstr("ACS3-HMAC-SHA256 Credential=STS.fake-1,SignedHeaders=content-type;host;"));
  const Form form = transport_.forms[0];
  EXPECT_EQ(form.at("RoleArn"), kRole);
  EXPECT_EQ(form.at("ExternalId"), "ext");
  EXPECT_FALSE(form.contains("Action") || form.contains("Signature") ||
               form.contains("SecurityToken"));
}

TEST_F(AssumeRoleTest, CountsTheLifetimeFromTheAnswersOwnDate) {
  // The service's clock is an hour ahead of ours: the token still lives 900 s, less the second that
  // two rounded times may be off.
  const auto service = clock_.wall_now() + 1h;
  answer(200, credentials(service + 900s), {{"Date", core::format_http_date(service)}});
  auto role = source();
  const auto lease = role.fetch({});
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->issued, clock_.steady_now());
  EXPECT_EQ(*lease->expires, clock_.steady_now() + 899s);
  EXPECT_EQ(lease->credentials.access_key_id, "STS.1");
  EXPECT_EQ(lease->credentials.access_key_secret, core::Secret("canary-secret"));
  EXPECT_EQ(lease->credentials.token, core::Secret("canary-token"));
}

TEST_F(AssumeRoleTest, CorrectsTheClockFromTheDateAndSignsAgain) {
  const auto service = clock_.wall_now() + 2h;
  refuse(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.",
         {{"Date", core::format_http_date(service)}});
  answer(200, credentials(service + 900s), {{"Date", core::format_http_date(service)}});
  auto role = source();
  ASSERT_TRUE(role.fetch({}));
  EXPECT_EQ(transport_.forms[1]["Timestamp"], core::format_iso8601(service));
  EXPECT_EQ(service_clock_.offset(), 2h);
}

TEST_F(AssumeRoleTest, GivesUpOnAClockThatDoesNotHelp) {
  refuse(400, "InvalidTimeStamp.Expired");
  refuse(400, "InvalidTimeStamp.Expired");
  auto role = source();
  EXPECT_THAT(role.fetch({}), FailedWith(FetchFailure::Class::Transient, ErrorKind::ClockSkewed));
  EXPECT_EQ(transport_.forms.size(), 2U);
}

TEST_F(AssumeRoleTest, TakesANewNonceWhenOneWasUsed) {
  refuse(400, "SignatureNonceUsed");
  grant();
  auto role = source();
  ASSERT_TRUE(role.fetch({}));
  EXPECT_NE(transport_.forms[0]["SignatureNonce"], transport_.forms[1]["SignatureNonce"]);
}

TEST_F(AssumeRoleTest, RereadsABaseWhoseTokenWasRefused) {
  test::FakeSts base(clock_, 1h);
  grant();
  refuse(400, "InvalidSecurityToken.Expired");
  grant();
  auto role = source(base.source());
  ASSERT_TRUE(role.fetch({}));
  ASSERT_TRUE(role.fetch({}));
  EXPECT_EQ(base.issued(), 2);  // kept between the first two requests, fetched anew for the third
  EXPECT_EQ(transport_.forms[0]["SecurityToken"], "canary-token-1");
  EXPECT_EQ(transport_.forms[1]["SecurityToken"], "canary-token-1");
  EXPECT_EQ(transport_.forms[2]["SecurityToken"], "canary-token-2");
  refuse(400, "InvalidSecurityToken.Expired");
  refuse(400, "InvalidSecurityToken.Expired");
  EXPECT_THAT(role.fetch({}),
              FailedWith(FetchFailure::Class::Transient, ErrorKind::Unauthenticated));
}

TEST_F(AssumeRoleTest, RenewsABaseThatIsAboutToExpire) {
  test::FakeSts base(clock_, 1h);
  grant();
  grant();
  auto role = source(base.source());
  ASSERT_TRUE(role.fetch({}));
  clock_.advance(55min);
  ASSERT_TRUE(role.fetch({}));
  EXPECT_EQ(base.issued(), 2);
}

TEST_F(AssumeRoleTest, HandsOnWhatItsBaseSays) {
  auto role = source(std::make_unique<cred::EnvironmentSource>(cred::EnvironmentValues{}, clock_));
  const auto fetched = role.fetch({});
  EXPECT_THAT(fetched, FailedWith(FetchFailure::Class::NotConfigured, ErrorKind::Unauthenticated));
  EXPECT_THAT(fetched.error().error.message,
              AllOf(HasSubstr(kRole), HasSubstr("ALIBABA_CLOUD_ACCESS_KEY_ID")));
}

TEST_F(AssumeRoleTest, ARefusalNamesRoleSessionCodeRequestAndAdvice) {
  refuse(400, "InvalidParameter.DurationSeconds",
         "The Min/Max value of DurationSeconds is 15min/1hr.");
  auto role = source();
  const auto fetched = role.fetch({});
  ASSERT_THAT(fetched, FailedWith(FetchFailure::Class::Permanent, ErrorKind::InvalidArgument));
  const std::string text = core::describe(fetched.error().error);
  for (const char* part :
       {kRole, "ossmount", "sts.cn-hangzhou.aliyuncs.com", "InvalidParameter.DurationSeconds",
        "15min/1hr", "REQ-1", "900 s up to the role's maximum", "400"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST_F(AssumeRoleTest, HonoursTheServicesWishToWait) {
  refuse(503, "ServiceUnavailable", "busy", {{"Retry-After", "7"}});
  refuse(400, "Throttling.User", "flow control",
         {{"x-ratelimit-user", "Limit:100,Remain:0,TimeLeft:1500,Reset:x"}});
  auto role = source();
  auto fetched = role.fetch({});
  ASSERT_THAT(fetched, FailedWith(FetchFailure::Class::Transient, ErrorKind::Unavailable));
  EXPECT_EQ(fetched.error().retry_after, 7s);
  fetched = role.fetch({});
  ASSERT_THAT(fetched, FailedWith(FetchFailure::Class::Transient, ErrorKind::Throttled));
  EXPECT_EQ(fetched.error().retry_after, 1500ms);
}

TEST_F(AssumeRoleTest, ABrokenConnectionIsTransientAndARefusedCertificateIsNot) {
  auto role = source();
  EXPECT_THAT(role.fetch({}), FailedWith(FetchFailure::Class::Transient, ErrorKind::Unavailable));
  transport_.answers.emplace_back(core::fail(ErrorKind::NotPermitted, "certificate expired"));
  EXPECT_THAT(role.fetch({}), FailedWith(FetchFailure::Class::Permanent, ErrorKind::NotPermitted));
}

struct Nonsense {
  const char* name;
  std::string body;
};
std::ostream& operator<<(std::ostream& out, const Nonsense& row) { return out << row.name; }
class NonsenseAnswer : public AssumeRoleTest, public ::testing::WithParamInterface<Nonsense> {};
TEST_P(NonsenseAnswer, IsNoLease) {
  answer(200, GetParam().body);
  auto role = source();
  const auto fetched = role.fetch({});
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().kind, FetchFailure::Class::Transient);
  EXPECT_THAT(fetched.error().error.message, Not(HasSubstr("canary")));
}
std::string with_token(const std::string& token) {
  return R"({"Credentials":{"AccessKeyId":"STS.1","AccessKeySecret":"canary","SecurityToken":")" +
         token + R"(","Expiration":"2030-01-01T00:00:00Z"}})";
}
INSTANTIATE_TEST_SUITE_P(
    Hostile, NonsenseAnswer,
    ::testing::Values(
        Nonsense{"Empty", ""}, Nonsense{"Html", "<html>proxy</html>"}, Nonsense{"Array", "[]"},
        Nonsense{"NoCredentials", "{}"}, Nonsense{"CredentialsAreText", R"({"Credentials":"x"})"},
        Nonsense{"NumberForText", R"({"Credentials":{"AccessKeyId":7}})"},
        Nonsense{"Truncated", R"({"Credentials":{"AccessKeyId":"STS.1","AccessKeySe)"},
        Nonsense{"NoToken", R"({"Credentials":{"AccessKeyId":"a","AccessKeySecret":"canary",)"
                            R"("Expiration":"2030-01-01T00:00:00Z"}})"},
        Nonsense{"BadExpiration", R"({"Credentials":{"AccessKeyId":"a","AccessKeySecret":"canary",)"
                                  R"("SecurityToken":"canary","Expiration":"tomorrow"}})"},
        Nonsense{"PastExpiration",
                 R"({"Credentials":{"AccessKeyId":"a","AccessKeySecret":"canary",)"
                 R"("SecurityToken":"canary","Expiration":"2020-01-01T00:00:00Z"}})"},
        Nonsense{"HeaderInjection", with_token("canary\\r\\nx-evil: 1")},
        Nonsense{"ControlCharacter", with_token("canary\\u0000")},
        Nonsense{"HugeToken", with_token(std::string(17UL * 1024, 'x'))},
        Nonsense{"HugeAnswer", with_token(std::string(70UL * 1024, 'x'))}),
    [](const auto& row) { return std::string(row.param.name); });

// The service quotes our request back at us, token and signature included.
TEST_F(AssumeRoleTest, NoSecretReachesErrorsLogsOrDescriptions) {
  const std::string log = ::testing::TempDir() + "cred_canary.log";
  std::remove(log.c_str());
  ASSERT_TRUE(core::open_log(core::LogLevel::Trace, core::LogTarget::File, log));
  test::FakeSts base(clock_, 1h);
  const std::string quoted =
      "Specified signature is not matched with our calculation. server string to sign "
      "is:POST&%2F&SecurityToken%3Dcanary-token-1";
  refuse(400, "SignatureDoesNotMatch", quoted);
  refuse(403, "NoPermission", "the token canary-token-1 of canary-secret-1 may not");
  refuse(400, "InvalidTimeStamp.Expired");
  grant();
  auto role = source(base.source());
  std::string seen = role.describe();
  for (int i = 0; i < 3; ++i) {
    const auto fetched = role.fetch({});
    if (!fetched) {
      seen += core::describe(fetched.error().error);
    }
  }
  EXPECT_TRUE(transport_.answers.empty());
  ASSERT_TRUE(core::open_log(core::LogLevel::Info, core::LogTarget::Stderr));
  std::ostringstream written;
  written << std::ifstream(log).rdbuf();
  EXPECT_THAT(written.str(), HasSubstr("clock corrected"));  // the log is really this one
  EXPECT_THAT(seen + written.str(), Not(HasSubstr("canary")));
  EXPECT_THAT(seen, HasSubstr("(hidden)"));
  std::remove(log.c_str());
}

}  // namespace
