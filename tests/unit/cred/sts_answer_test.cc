#include "cred/sts_answer.h"

#include <gtest/gtest.h>

#include "cred/credentials_json.h"

namespace {

using core::ErrorKind;
using cred::StsReaction;

struct Row {
  int status;
  const char* code;
  StsReaction reaction;
  ErrorKind kind;
};
std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.status << ' ' << row.code;
}

class StsRefusal : public ::testing::TestWithParam<Row> {};
TEST_P(StsRefusal, IsJudgedAsTheTableSays) {
  const auto verdict = cred::judge_sts(GetParam().status, GetParam().code);
  EXPECT_EQ(static_cast<int>(verdict.reaction), static_cast<int>(GetParam().reaction));
  EXPECT_EQ(verdict.kind, GetParam().kind) << core::to_string(verdict.kind);
}

// Source: STS API, "Error codes".
INSTANTIATE_TEST_SUITE_P(
    Codes, StsRefusal,
    ::testing::Values(
        Row{403, "NoPermission", StsReaction::GiveUp, ErrorKind::Denied},
        Row{404, "EntityNotExist.Role", StsReaction::GiveUp, ErrorKind::Unauthenticated},
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
        // What no table knows, and answers that are not the service's own.
        Row{429, "", StsReaction::TryLater, ErrorKind::Throttled},
        Row{408, "", StsReaction::TryLater, ErrorKind::Unavailable},
        Row{502, "", StsReaction::TryLater, ErrorKind::Unavailable},
        Row{403, "Brand.New", StsReaction::GiveUp, ErrorKind::Unauthenticated},
        Row{403, "", StsReaction::GiveUp, ErrorKind::Unauthenticated},
        Row{302, "", StsReaction::TryLater, ErrorKind::Protocol}));

TEST(StsError, IsEmptyWhereTheBodySaysNothing) {
  for (const char* body : {"", "<html/>", "[1]", "{\"Code\":7}"}) {
    EXPECT_EQ(cred::parse_sts_error(body).code, "") << body;
  }
  const auto error = cred::parse_sts_error(R"({"Code":"A.B","Message":"m","RequestId":"r"})");
  EXPECT_EQ(error.code, "A.B");
  EXPECT_EQ(error.message, "m");
  EXPECT_EQ(error.request_id, "r");
}

TEST(CredentialsJson, LeavesNoSecretInTheBody) {
  std::string body =
      R"({"Credentials":{"AccessKeyId":"STS.1","AccessKeySecret":"canary","SecurityToken":"canary",)"
      R"("Expiration":"2030-01-01T00:00:00Z"}})";
  ASSERT_TRUE(
      cred::parse_credentials_json(body, cred::Completeness::Temporary, "STS", "Credentials"));
  EXPECT_EQ(body.find("canary"), std::string::npos);
}

}  // namespace
