#include "app/whoami.h"

#include <gmock/gmock.h>

#include <array>
#include <nlohmann/json.hpp>

namespace app {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using ::testing::HasSubstr;
using ::testing::Not;

const core::WallTime kNow = core::wall_from_unix(1'704'164'645);  // 2024-01-02T03:04:05Z

Whoami session_of_a_role() {
  Whoami who;
  who.credentials.source = "AssumeRole acs:ram::1:role/r over environment";
  who.credentials.access_key_id = "STS.a";
  who.credentials.expires = kNow + 899s;
  who.credentials.next_renewal = kNow + 11min;
  who.role = "acs:ram::1:role/r";
  who.session = "host";
  who.lifetime = 15min;
  who.identity = cred::CallerIdentity{"1", "acs:ram::1:assumed-role/r/host", "3:host"};
  who.now = kNow;
  return who;
}

core::Error refusal(ErrorKind kind, int status) {
  core::Error error = core::fail(kind, "GetCallerIdentity at sts: why\x1b[2J");
  if (status != 0) {
    error.remote = core::Remote{status, "Code", "REQ", {}};
  }
  return error;
}

TEST(Whoami, SaysWhoAndHowLong) {
  const Whoami who = session_of_a_role();
  EXPECT_EQ(as_text(who),
            "STS.a\n"
            "  from      AssumeRole acs:ram::1:role/r over environment\n"
            "  role      acs:ram::1:role/r\n"
            "  session   host\n"
            "  identity  role r, session host\n"
            "  account   1\n"
            "  arn       acs:ram::1:assumed-role/r/host\n"
            "  expires   2024-01-02T03:19:04Z, in 14m 59s of 15m 0s\n"
            "  renewal   2024-01-02T03:15:05Z, in 11m 0s\n");
  const auto json = nlohmann::json::parse(as_json(who));
  EXPECT_EQ(json["expires"], "2024-01-02T03:19:04Z");
  EXPECT_EQ(json["expires_in_seconds"], 899);
  EXPECT_EQ(json["lifetime_seconds"], 900);
  EXPECT_EQ(json["next_renewal"], "2024-01-02T03:15:05Z");
  EXPECT_EQ(json["next_renewal_in_seconds"], 660);
  EXPECT_EQ(json["session"], "host");
  EXPECT_EQ(json["identity"]["kind"], "role");
  EXPECT_EQ(json["identity"]["name"], "r");
  EXPECT_EQ(json["identity"]["account"], "1");
  EXPECT_FALSE(json.contains("identity_error"));
  EXPECT_EQ(exit_of(who), Exit::Ok);
}

TEST(Whoami, PrintsTheRestWhereNobodyTellsWhoseKeyItIs) {
  Whoami who;
  who.credentials.source = "environment";
  who.credentials.access_key_id = "LTAIx";
  who.identity = refusal(ErrorKind::Unavailable, 0);
  who.now = kNow;
  EXPECT_THAT(as_text(who), HasSubstr("LTAIx\n  from      environment\n  identity  unknown: "));
  EXPECT_THAT(as_text(who), HasSubstr("  expires   never\n  renewal   never\n"));
  EXPECT_THAT(as_text(who), Not(HasSubstr("\x1b")));
  const auto json = nlohmann::json::parse(as_json(who));
  EXPECT_TRUE(json["identity"].is_null());
  EXPECT_TRUE(json["expires_in_seconds"].is_null());
  EXPECT_THAT(json["identity_error"], HasSubstr("why"));
}

TEST(Whoami, FailsOnlyWhereStsDoesNotTakeTheKey) {
  struct Row {
    core::Error error;
    Exit exit;
  };
  const auto kRows = std::to_array<Row>({
      {refusal(ErrorKind::Unauthenticated, 404), Exit::Credentials},
      {refusal(ErrorKind::Unavailable, 503), Exit::Ok},
      {refusal(ErrorKind::Unavailable, 0), Exit::Ok},
      {refusal(ErrorKind::Unsupported, 405), Exit::Ok},
      {refusal(ErrorKind::Denied, 403), Exit::Ok},
      {refusal(ErrorKind::Protocol, 0), Exit::Ok},
  });
  for (const auto& row : kRows) {
    Whoami who = session_of_a_role();
    who.identity = row.error;
    EXPECT_EQ(exit_of(who), row.exit) << core::describe(row.error);
  }
}

}  // namespace
}  // namespace app
