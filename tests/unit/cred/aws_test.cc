// AWS's STS and metadata server, and those that answer like them.
#include "core/digest.h"
#include "cred/aws_assume_role.h"
#include "cred/aws_oidc_role.h"
#include "cred/aws_sts.h"
#include "cred/ecs_metadata.h"
#include "cred/static_source.h"
#include "support/fake_transport.h"
#include "unit/cred/source_fixture.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using cred::FetchFailure;
using test::kPermanent;
using test::kTransient;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kRole = "arn:aws:iam::123456789012:role/reader";

class Aws : public ::testing::Test {
 protected:
  std::string expiration(core::Duration life) const {
    return core::format_iso8601(clock_.wall_now() + life);
  }
  test::Reply reply(int status, std::string body) const {
    test::Reply reply;
    reply.status = status;
    reply.headers = {{"Date", core::format_http_date(clock_.wall_now())}};
    reply.body = std::move(body);
    return reply;
  }
  std::string credentials(const std::string& action, core::Duration life = 1h) const {
    return "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" +
           action + "Result><Credentials><AccessKeyId>ASIA1</AccessKeyId><Expiration>" +
           expiration(life) +
           "</Expiration><SecretAccessKey>canary-secret</SecretAccessKey>"
           "<SessionToken>canary/token+==</SessionToken></Credentials></" +
           action + "Result></" + action + "Response>";
  }
  static std::string refusal(const std::string& code, const std::string& message = "why") {
    return "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" + message +
           "</Message></Error><RequestId>REQ</RequestId></ErrorResponse>";
  }
  std::unique_ptr<cred::AwsAssumeRole> role() {
    return std::make_unique<cred::AwsAssumeRole>(
        cred::RoleRequest{kRole, "s1", 900s, R"({"Version":"2012-10-17"})", "ext",
                          cred::StsSigning::Rpc},
        std::make_unique<cred::StaticSource>(
            sign::Credentials{"AKIA1", core::Secret("canary-base"), {}}, "keys", clock_),
        http::Origin{"https", "sts.eu-west-1.amazonaws.com", 443}, "eu-west-1", transport_,
        service_clock_);
  }
  FetchFailure failure(cred::CredentialSource& source) {
    auto fetched = source.fetch(context_);
    EXPECT_FALSE(fetched);
    return fetched ? FetchFailure{} : fetched.error();
  }

  test::FakeClock clock_;
  cred::ServiceClock service_clock_{clock_};
  test::FakeTransport transport_;
  core::OpContext context_;
};

TEST_F(Aws, AssumesARoleSignedForStsWithTheHashOfItsBody) {
  transport_.reply(reply(200, credentials("AssumeRole")));
  const auto fetched = role()->fetch(context_);
  ASSERT_TRUE(fetched) << fetched.error().error.message;
  EXPECT_EQ(fetched->credentials.access_key_id, "ASIA1");
  EXPECT_EQ(fetched->credentials.token.reveal(), "canary/token+==");
  EXPECT_EQ(*fetched->expires - fetched->issued, 1h - 1s);
  const test::Sent sent = transport_.sent().at(0);
  EXPECT_EQ(sent.line(), "POST /");
  EXPECT_EQ(sent.body,
            "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Freader"
            "&RoleSessionName=s1&DurationSeconds=900"
            "&Policy=%7B%22Version%22%3A%222012-10-17%22%7D&ExternalId=ext&Version=2011-06-15");
  EXPECT_THAT(sent.header("Authorization"), AllOf(StartsWith("AWS4-HMAC-SHA256 Credential=AKIA1/"),
                                                  HasSubstr("/eu-west-1/sts/aws4_request")));
}

struct Row {
  const char* code;
  int status;
  FetchFailure::Class kind;
  ErrorKind error;
};
class AwsRefusals : public Aws, public ::testing::WithParamInterface<Row> {};

TEST_P(AwsRefusals, AreJudged) {
  const Row& row = GetParam();
  // A base that might have changed is asked once more; its answer is the same.
  for (int n = 0; n < 2; ++n) {
    transport_.reply(reply(row.status, *row.code == '\0' ? "" : refusal(row.code)));
  }
  const auto source = role();
  const FetchFailure failed = failure(*source);
  EXPECT_EQ(failed.kind, row.kind) << failed.error.message;
  EXPECT_EQ(failed.error.kind, row.error) << failed.error.message;
  EXPECT_THAT(failed.error.message,
              AllOf(HasSubstr("AssumeRole of arn:aws:iam"), Not(HasSubstr("canary"))));
}

INSTANTIATE_TEST_SUITE_P(
    Table, AwsRefusals,
    ::testing::Values(Row{"AccessDenied", 403, kPermanent, ErrorKind::Denied},
                      Row{"InvalidClientTokenId", 403, kPermanent, ErrorKind::Unauthenticated},
                      Row{"SignatureDoesNotMatch", 403, kPermanent, ErrorKind::Unauthenticated},
                      Row{"ExpiredToken", 403, kPermanent, ErrorKind::Unauthenticated},
                      Row{"MalformedPolicyDocument", 400, kPermanent, ErrorKind::InvalidArgument},
                      Row{"PackedPolicyTooLarge", 400, kPermanent, ErrorKind::InvalidArgument},
                      Row{"ValidationError", 400, kPermanent, ErrorKind::InvalidArgument},
                      Row{"RegionDisabledException", 403, kPermanent, ErrorKind::InvalidArgument},
                      Row{"Throttling", 400, kTransient, ErrorKind::Throttled},
                      Row{"InternalFailure", 500, kTransient, ErrorKind::Unavailable},
                      // Nothing to read at all.
                      Row{"", 403, kPermanent, ErrorKind::Denied},
                      Row{"", 404, kPermanent, ErrorKind::Unauthenticated},
                      Row{"", 400, kPermanent, ErrorKind::InvalidArgument},
                      Row{"", 503, kTransient, ErrorKind::Unavailable},
                      Row{"", 302, kTransient, ErrorKind::Protocol}));

TEST_F(Aws, CephsErrorsAreReadWithoutTheirEnvelope) {
  transport_.reply(reply(404,
                         "<?xml version=\"1.0\"?><Error><Code>NoSuchEntity</Code><Message>"
                         "</Message><RequestId>tx1</RequestId></Error>"));
  const auto source = role();
  const FetchFailure failed = failure(*source);
  EXPECT_EQ(failed.error.remote->code, "NoSuchEntity");
  EXPECT_EQ(failed.error.remote->request_id, "tx1");
  EXPECT_THAT(failed.error.message, HasSubstr("there is no such role"));
}

TEST_F(Aws, AClockThatIsOffIsCorrectedOnce) {
  const auto skewed = [this] {
    test::Reply answer =
        reply(403, refusal("SignatureDoesNotMatch", "Signature expired: 2013 is now earlier"));
    answer.headers.set("Date", core::format_http_date(clock_.wall_now() + 20min));
    return answer;
  };
  transport_.reply(skewed()).reply(reply(200, credentials("AssumeRole")));
  EXPECT_TRUE(role()->fetch(context_));
  EXPECT_GT(service_clock_.offset(), 19min);
  transport_.reply(skewed()).reply(skewed());
  const auto source = role();
  EXPECT_EQ(failure(*source).error.kind, ErrorKind::ClockSkewed);
}

TEST_F(Aws, NonsenseIsTransientAndNamesWhatIsMissing) {
  const std::vector<std::string> bodies = {
      "",
      "{}",
      "<html>hotel</html>",
      "<!-- --><AssumeRoleResponse/>",
      "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>",
      std::string("<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A") +
          "</AccessKeyId></Credentials></AssumeRoleResult></AssumeRoleResponse>",
      credentials("AssumeRoleWithWebIdentity"),
      credentials("AssumeRole", -1h),
      "<AssumeRoleResponse>" + std::string(70'000, ' ')};
  for (const std::string& body : bodies) {
    transport_.reply(reply(200, body));
    const auto source = role();
    const FetchFailure failed = failure(*source);
    EXPECT_EQ(failed.kind, kTransient) << body;
    EXPECT_EQ(failed.error.kind, ErrorKind::Protocol) << body;
    EXPECT_THAT(failed.error.message, Not(HasSubstr("canary")));
  }
}

TEST_F(Aws, SecretsOfAnAnswerAreWipedFromItsBody) {
  std::string body = credentials("AssumeRole");
  ASSERT_TRUE(cred::parse_aws_credentials(body, "AssumeRole"));
  EXPECT_THAT(body, Not(HasSubstr("canary")));
}

class AwsOidcRole : public Aws {
 protected:
  AwsOidcRole() { write("token-one"); }
  void write(const std::string& token) const { folder_.write("token", token + "\n"); }
  std::unique_ptr<cred::AwsOidcRole> source() {
    return std::make_unique<cred::AwsOidcRole>(
        cred::OidcRequest{kRole, "", folder_.path("token"), "s1", 900s, ""},
        http::Origin{"http", "127.0.0.1", 7480}, transport_, service_clock_);
  }
  const test::Folder folder_;
};

TEST_F(AwsOidcRole, IsNotSigned) {
  transport_.reply(reply(200, credentials("AssumeRoleWithWebIdentity")));
  const auto fetched = source()->fetch(context_);
  ASSERT_TRUE(fetched) << fetched.error().error.message;
  const test::Sent sent = transport_.sent().at(0);
  EXPECT_EQ(sent.header("Authorization"), "");
  EXPECT_THAT(sent.body, AllOf(StartsWith("Action=AssumeRoleWithWebIdentity&"),
                               HasSubstr("&WebIdentityToken=token-one&")));
}

TEST_F(AwsOidcRole, ARefusedTokenIsSentAgainOnlyIfItWasReplaced) {
  auto web = source();
  transport_.reply(reply(403, "<Error><Code>AccessDenied</Code></Error>"));
  EXPECT_EQ(failure(*web).kind, kPermanent);
  EXPECT_EQ(transport_.sent().size(), 1U);
  transport_
      .reply([this](const test::Sent&) {
        write("token-two");
        return reply(400, refusal("ExpiredTokenException"));
      })
      .reply(reply(200, credentials("AssumeRoleWithWebIdentity")));
  EXPECT_TRUE(web->fetch(context_));
  // From now on somebody is known to rotate it.
  transport_.reply(reply(400, refusal("InvalidIdentityToken", "token-two is bad")));
  const FetchFailure failed = failure(*web);
  EXPECT_EQ(failed.kind, kTransient);
  EXPECT_THAT(failed.error.message, Not(HasSubstr("token-two")));
}

TEST_F(Aws, AnInstancesRoleComesFromImdsV2) {
  transport_.reply(reply(200, "session-token"))
      .reply(reply(200, "reader+role"))
      .reply(reply(200, R"({"Code":"Success","AccessKeyId":"ASIA2","SecretAccessKey":"s",)"
                        R"("Token":"t","Expiration":")" +
                            expiration(6h) + "\"}"));
  cred::EcsMetadata imds(cred::imds_options(""), transport_, service_clock_);
  const auto fetched = imds.fetch(context_);
  ASSERT_TRUE(fetched) << fetched.error().error.message;
  EXPECT_EQ(fetched->credentials.access_key_id, "ASIA2");
  const auto sent = transport_.sent();
  EXPECT_EQ(sent.at(0).line(), "PUT /latest/api/token");
  EXPECT_EQ(sent.at(0).header("X-aws-ec2-metadata-token-ttl-seconds"), "21600");
  EXPECT_EQ(sent.at(1).line(), "GET /latest/meta-data/iam/security-credentials/");
  EXPECT_EQ(sent.at(2).header("X-aws-ec2-metadata-token"), "session-token");
  EXPECT_EQ(sent.at(2).request.origin.host, "169.254.169.254");
}

}  // namespace
