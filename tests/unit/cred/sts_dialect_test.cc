// How each dialect writes calls, reads answers and judges refusals.
#include "cred/sts_dialect.h"

#include "cred/dialect.h"
#include "sign/rpc.h"
#include "unit/cred/sts_fixture.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using cred::StsReaction;
using test::Sent;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// --- calls -------------------------------------------------------------------------------------

class StsCalls : public test::StsTest {
 protected:
  Sent sent(const sign::Credentials& caller) {
    transport_.reply(reply(200, ""));
    EXPECT_TRUE(sts().ask({}, {"AssumeRole", {{"RoleArn", "a:b"}}}, caller));
    return transport_.sent().back();
  }
  const sign::Credentials keys_{"LTAI1", core::Secret("canary-secret"), {}};
  const sign::Credentials token_{"STS.1", core::Secret("canary-secret"), core::Secret("token-1")};
};

class RpcCalls : public StsCalls {};
INSTANTIATE_TEST_SUITE_P(Sts, RpcCalls, ::testing::Values(test::sts_speeches()[0]));
class Acs3Calls : public StsCalls {};
INSTANTIATE_TEST_SUITE_P(Sts, Acs3Calls, ::testing::Values(test::sts_speeches()[1]));
class AwsCalls : public StsCalls {};
INSTANTIATE_TEST_SUITE_P(Sts, AwsCalls, ::testing::Values(test::sts_speeches()[2]));

TEST_P(RpcCalls, AreSignedOverTheirParameters) {
  test::Form form = test::form_in(sent(keys_).body);
  EXPECT_EQ(form["Action"], "AssumeRole");
  EXPECT_EQ(form["Version"], "2015-04-01");
  EXPECT_EQ(form["Format"], "JSON");
  EXPECT_EQ(form["AccessKeyId"], "LTAI1");
  EXPECT_EQ(form["Timestamp"], core::format_iso8601(clock_.wall_now()));
  std::vector<http::QueryParam> parameters;
  for (const auto& [name, value] : form) {
    parameters.push_back({name, value});
  }
  EXPECT_EQ(form["Signature"], sign::rpc_signature(sign::rpc_string_to_sign("POST", parameters),
                                                   core::Secret("canary-secret")));
}

TEST_P(Acs3Calls, NameTheirActionInAHeader) {
  const Sent call = sent(token_);
  EXPECT_EQ(call.header("x-acs-action"), "AssumeRole");
  EXPECT_EQ(call.header("x-acs-version"), "2015-04-01");
  EXPECT_EQ(call.header("x-acs-security-token"), "token-1");
  EXPECT_THAT(call.header("Authorization"),
              HasSubstr("ACS3-HMAC-SHA256 Credential=STS.1,SignedHeaders=content-type;host;"));
  EXPECT_EQ(call.body, "RoleArn=a%3Ab");
  // Nothing to sign with: the other way says as much.
  const Sent anonymous = sent({});
  EXPECT_EQ(anonymous.header("x-acs-action") + anonymous.header("Authorization"), "");
  EXPECT_EQ(test::form_in(anonymous.body)["Action"], "AssumeRole");
}

TEST_P(AwsCalls, AreSignedForStsWithTheHashOfTheirBody) {
  const Sent call = sent(token_);
  EXPECT_EQ(call.body, "Action=AssumeRole&RoleArn=a%3Ab&Version=2011-06-15");
  EXPECT_EQ(call.header("Accept"), "application/xml");
  EXPECT_EQ(call.header("x-amz-security-token"), "token-1");
  EXPECT_THAT(call.header("Authorization"), AllOf(StartsWith("AWS4-HMAC-SHA256 Credential=STS.1/"),
                                                  HasSubstr("/eu-west-1/sts/aws4_request")));
  EXPECT_EQ(sent({}).header("Authorization"), "");
}

TEST(StsEndpoint, FollowsFromTheRegion) {
  for (const auto* alibaba : {&cred::sts_rpc(), &cred::sts_acs3()}) {
    EXPECT_EQ(alibaba->endpoint("", true), "https://sts.aliyuncs.com");
    EXPECT_EQ(alibaba->endpoint("cn-hangzhou", false), "https://sts.cn-hangzhou.aliyuncs.com");
    EXPECT_EQ(alibaba->endpoint("cn-hangzhou", true), "https://sts-vpc.cn-hangzhou.aliyuncs.com");
  }
  EXPECT_EQ(cred::sts_aws().endpoint("", false), "https://sts.amazonaws.com");
  EXPECT_EQ(cred::sts_aws().endpoint("eu-west-1", false), "https://sts.eu-west-1.amazonaws.com");
}

TEST(Dialect, EachHasItsOwnTraits) {
  for (const auto dialect : {cred::Dialect::Rpc, cred::Dialect::Acs3, cred::Dialect::Aws}) {
    EXPECT_EQ(cred::traits_of(dialect).dialect, dialect);
  }
  EXPECT_EQ(cred::traits_of(cred::Dialect::Acs3).sts.write, cred::sts_acs3().write);
}

// --- answers -----------------------------------------------------------------------------------

class StsAnswers : public test::StsTest {
 protected:
  static const cred::StsDialect& dialect() { return cred::traits_of(speech().dialect).sts; }
  std::string good() const { return credentials("AssumeRole", clock_.wall_now() + 1h); }
  /// A good answer with one text in it replaced.
  std::string spoilt(const std::string& text, const std::string& by) const {
    std::string body = good();
    const auto at = body.find(text);
    EXPECT_NE(at, std::string::npos) << text;
    return body.replace(at, text.size(), by);
  }
};
FOR_EACH_STS(StsAnswers);

TEST_P(StsAnswers, LeaveNoSecretInTheirBody) {
  std::string body = good();
  const auto given = dialect().credentials(body, "AssumeRole");
  ASSERT_TRUE(given) << core::describe(given.error());
  EXPECT_EQ(given->credentials.token.reveal(), "canary/token+==");
  EXPECT_THAT(body, Not(HasSubstr("canary")));
}

TEST_P(StsAnswers, ThatMakeNoSenseAreNoCredentials) {
  const std::string body = good();
  std::vector<std::string> bodies = {
      "",
      "[]",
      "{}",
      "<html>hotel</html>",
      body.substr(0, body.size() / 2),
      spoilt("canary-secret", ""),
      spoilt("canary/token+==", ""),
      spoilt(core::format_iso8601(clock_.wall_now() + 1h), "tomorrow"),
      spoilt("canary/token+==", std::string(17UL * 1024, 'x')),
      spoilt("canary/token+==", std::string(70UL * 1024, 'x')),
      spoilt("canary/token+==", aws() ? "canary&#13;&#10;x-evil: 1" : "canary\\r\\nx-evil: 1"),
      spoilt("canary/token+==", aws() ? "canary&#0;" : "canary\\u0000")};
  if (aws()) {
    bodies.insert(bodies.end(), {"<!-- --><AssumeRoleResponse/>",
                                 "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>",
                                 credentials("AssumeRoleWithWebIdentity", clock_.wall_now() + 1h)});
  } else {
    bodies.insert(bodies.end(), {R"({"Credentials":"x"})", R"({"Credentials":{"AccessKeyId":7}})"});
  }
  for (std::string& text : bodies) {
    const std::string seen = text.substr(0, 400);
    const auto given = dialect().credentials(text, "AssumeRole");
    ASSERT_FALSE(given) << seen;
    EXPECT_THAT(core::describe(given.error()), Not(HasSubstr("canary"))) << seen;
  }
}

TEST_P(StsAnswers, RefusalsAreReadAsFarAsTheySaySomething) {
  const auto said = [](int status, std::string body, http::Headers headers = {}) {
    return dialect().error({status, std::move(headers), std::move(body)});
  };
  for (const char* body : {"", "<html/>", "[1]", "{\"Code\":7}", "<Error/>"}) {
    EXPECT_EQ(said(400, body).code, "") << body;
  }
  const auto error = said(400, refusal(400, "A.B", "m").body);
  EXPECT_EQ(error.code, "A.B");
  EXPECT_EQ(error.message, "m");
  EXPECT_EQ(error.request_id, "REQ-1");
  if (aws()) {
    // Ceph leaves the envelope out; a body that says nothing has a header.
    const auto bare = said(404,
                           "<?xml version=\"1.0\"?><Error><Code>NoSuchEntity</Code><Message>"
                           "</Message><RequestId>tx1</RequestId></Error>");
    EXPECT_EQ(bare.code + ' ' + bare.request_id, "NoSuchEntity tx1");
    EXPECT_EQ(said(403, "", {{"x-amz-request-id", "tx2"}}).request_id, "tx2");
  }
}

// --- judgement ---------------------------------------------------------------------------------

struct Row {
  int status;
  const char* code;
  StsReaction reaction;
  ErrorKind kind;
  const char* message = "";
};
std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.status << ' ' << row.code;
}
void expect_judged(const cred::StsDialect& dialect, const Row& row) {
  const auto verdict = cred::judge(dialect, row.status, {row.code, row.message, ""});
  EXPECT_EQ(static_cast<int>(verdict.reaction), static_cast<int>(row.reaction));
  EXPECT_EQ(verdict.kind, row.kind) << core::to_string(verdict.kind);
}

/// What no table knows, and answers that are not the service's own.
class WordlessRefusal : public ::testing::TestWithParam<Row> {};
TEST_P(WordlessRefusal, IsJudgedByItsStatus) {
  for (const auto dialect : {cred::Dialect::Rpc, cred::Dialect::Acs3, cred::Dialect::Aws}) {
    expect_judged(cred::traits_of(dialect).sts, GetParam());
  }
}
INSTANTIATE_TEST_SUITE_P(
    Statuses, WordlessRefusal,
    ::testing::Values(Row{429, "", StsReaction::TryLater, ErrorKind::Throttled},
                      Row{408, "", StsReaction::TryLater, ErrorKind::Unavailable},
                      Row{502, "", StsReaction::TryLater, ErrorKind::Unavailable},
                      Row{503, "New.Word", StsReaction::TryLater, ErrorKind::Unavailable},
                      Row{302, "", StsReaction::TryLater, ErrorKind::Protocol}));

class AlibabaRefusal : public ::testing::TestWithParam<Row> {};
TEST_P(AlibabaRefusal, IsJudgedAsTheTableSays) {
  expect_judged(cred::sts_rpc(), GetParam());
  expect_judged(cred::sts_acs3(), GetParam());
}
// Source: STS API, "Error codes".
INSTANTIATE_TEST_SUITE_P(
    Codes, AlibabaRefusal,
    ::testing::Values(
        Row{403, "NoPermission", StsReaction::GiveUp, ErrorKind::Denied},
        Row{404, "EntityNotExist.Role", StsReaction::GiveUp, ErrorKind::Unauthenticated},
        Row{404, "EntityNotExist.OIDCProvider", StsReaction::GiveUp, ErrorKind::Unauthenticated},
        Row{404, "InvalidAccessKeyId.NotFound", StsReaction::GiveUp, ErrorKind::Unauthenticated},
        Row{400, "InvalidAccessKeyId.Inactive", StsReaction::GiveUp, ErrorKind::Unauthenticated},
        Row{400, "SignatureDoesNotMatch", StsReaction::GiveUp, ErrorKind::Unauthenticated},
        Row{400, "IncompleteSignature", StsReaction::GiveUp, ErrorKind::Unauthenticated},
        Row{400, "SignatureNonceUsed", StsReaction::NewNonce, ErrorKind::Unavailable},
        Row{400, "InvalidTimeStamp.Format", StsReaction::FixClock, ErrorKind::ClockSkewed},
        Row{400, "InvalidTimeStamp.Expired", StsReaction::FixClock, ErrorKind::ClockSkewed},
        Row{400, "MissingSecurityToken", StsReaction::GiveUp, ErrorKind::Unauthenticated},
        Row{400, "InvalidSecurityToken.Expired", StsReaction::RereadBase,
            ErrorKind::Unauthenticated},
        Row{400, "InvalidSecurityToken.MismatchWithAccessKey", StsReaction::RereadBase,
            ErrorKind::Unauthenticated},
        Row{400, "AuthenticationFail.OIDCToken.Invalid", StsReaction::RereadBase,
            ErrorKind::Unauthenticated},
        Row{400, "InvalidParameter.RoleArn", StsReaction::GiveUp, ErrorKind::InvalidArgument},
        Row{400, "InvalidParameter.PolicyGrammar", StsReaction::GiveUp, ErrorKind::InvalidArgument},
        Row{400, "InvalidParameter.DurationSeconds", StsReaction::GiveUp,
            ErrorKind::InvalidArgument},
        Row{400, "MissingRoleArn", StsReaction::GiveUp, ErrorKind::InvalidArgument},
        Row{404, "InvalidApi.NotFound", StsReaction::GiveUp, ErrorKind::InvalidArgument},
        Row{400, "Throttling", StsReaction::TryLater, ErrorKind::Throttled},
        Row{429, "Throttling.Api", StsReaction::TryLater, ErrorKind::Throttled},
        Row{500, "InternalError", StsReaction::TryLater, ErrorKind::Unavailable},
        Row{503, "ServiceUnavailable", StsReaction::TryLater, ErrorKind::Unavailable},
        Row{403, "Brand.New", StsReaction::GiveUp, ErrorKind::Unauthenticated},
        Row{403, "", StsReaction::GiveUp, ErrorKind::Unauthenticated}));

class AwsRefusal : public ::testing::TestWithParam<Row> {};
TEST_P(AwsRefusal, IsJudgedAsTheTableSays) { expect_judged(cred::sts_aws(), GetParam()); }
// Source: AWS STS API, "Common errors", AssumeRole, AssumeRoleWithWebIdentity.
INSTANTIATE_TEST_SUITE_P(
    Codes, AwsRefusal,
    ::testing::Values(
        Row{403, "AccessDenied", StsReaction::GiveUp, ErrorKind::Denied},
        Row{404, "NoSuchEntity", StsReaction::GiveUp, ErrorKind::Unauthenticated},
        Row{403, "InvalidClientTokenId", StsReaction::RereadBase, ErrorKind::Unauthenticated},
        Row{403, "SignatureDoesNotMatch", StsReaction::GiveUp, ErrorKind::Unauthenticated},
        // AWS's word for a clock that is off is in the message.
        Row{403, "SignatureDoesNotMatch", StsReaction::FixClock, ErrorKind::ClockSkewed,
            "Signature expired: 2013 is now earlier"},
        Row{403, "SignatureDoesNotMatch", StsReaction::FixClock, ErrorKind::ClockSkewed,
            "Signature not yet current: 2033"},
        Row{403, "RequestTimeTooSkewed", StsReaction::FixClock, ErrorKind::ClockSkewed},
        Row{403, "ExpiredToken", StsReaction::RereadBase, ErrorKind::Unauthenticated},
        Row{400, "ExpiredTokenException", StsReaction::RereadBase, ErrorKind::Unauthenticated},
        Row{400, "InvalidIdentityToken", StsReaction::RereadBase, ErrorKind::Unauthenticated},
        Row{400, "MalformedPolicyDocument", StsReaction::GiveUp, ErrorKind::InvalidArgument},
        Row{400, "PackedPolicyTooLarge", StsReaction::GiveUp, ErrorKind::InvalidArgument},
        Row{400, "ValidationError", StsReaction::GiveUp, ErrorKind::InvalidArgument},
        Row{403, "RegionDisabledException", StsReaction::GiveUp, ErrorKind::InvalidArgument},
        Row{400, "Throttling", StsReaction::TryLater, ErrorKind::Throttled},
        Row{500, "InternalFailure", StsReaction::TryLater, ErrorKind::Unavailable},
        Row{403, "", StsReaction::GiveUp, ErrorKind::Denied},
        Row{401, "Brand.New", StsReaction::GiveUp, ErrorKind::Denied},
        Row{404, "", StsReaction::GiveUp, ErrorKind::Unauthenticated},
        Row{400, "", StsReaction::GiveUp, ErrorKind::InvalidArgument}));

}  // namespace
