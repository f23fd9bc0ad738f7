#include "ops/status.h"

#include <gmock/gmock.h>

namespace ops {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'700'000'000;

MountStatus example() {
  MountStatus status;
  status.version = "0.1.0";
  status.pid = 42;
  status.now = core::wall_from_unix(kNow);
  status.started = core::wall_from_unix(kNow - 3600);
  status.mount_point = "/mnt/a";
  status.source = "oss://bucket/data";
  status.endpoint = "https://oss-cn-hangzhou.aliyuncs.com";
  status.state = "mounted";
  status.credentials.source = "AssumeRole acs:ram::1:role/x over environment";
  status.credentials.access_key_id = "STS.abc";
  status.credentials.role = "acs:ram::1:role/x";
  status.credentials.expires = core::wall_from_unix(kNow + 600);
  status.credentials.renewals = 7;
  status.credentials.failures = 2;
  status.files.dirty = 3;
  status.files.dirty_bytes = 12 << 20;
  status.files.deletions_under_way = 4;
  status.renames = {{"old/", "new/", 300, 120, 3 << 20, 1 << 20}};
  status.last_error = "close a.txt: PutObject: AccessDenied";
  status.last_error_at = core::wall_from_unix(kNow - 10);
  status.requests = {{"GetObject", 5}, {"PutObject", 1}};
  status.metrics = {{"cache.hits", 9}};
  status.options = {{"metadata-ttl", "5s"}};
  return status;
}

TEST(Status, ComesBackFromJsonAsItWas) {
  const MountStatus before = example();
  for (const int indent : {-1, 2}) {
    const auto after = parse_status(to_json(before, indent));
    ASSERT_TRUE(after) << describe(after.error());
    EXPECT_EQ(to_json(*after), to_json(before));
    EXPECT_EQ(after->credentials.expires, before.credentials.expires);
    EXPECT_EQ(after->requests, before.requests);
  }
  EXPECT_EQ(to_json(before).find('\n'), std::string::npos) << "the protocol is one line an answer";
}

TEST(Status, ForgivesWhatAnotherVersionLeavesOutOrSpellsOtherwise) {
  const auto status = parse_status(R"({"pid": "x", "files": [], "credentials": {"renewals": 3}})");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->credentials.renewals, 3U);
  EXPECT_FALSE(parse_status("[]"));
  EXPECT_FALSE(parse_status("{"));
}

TEST(Status, TellsPeopleWhatMatters) {
  const std::string text = describe(example());
  for (const char* wanted :
       {"oss://bucket/data on /mnt/a", "STS.abc", "10m", "7 obtained, 2 failed",
        "3 files, 12.0 MiB to upload", "AccessDenied", "GetObject 5"}) {
    EXPECT_THAT(text, HasSubstr(wanted));
  }
}

TEST(Status, ShowsHowFarARenameIs) {
  EXPECT_THAT(describe(example()),
              HasSubstr("old/ to new/: 120 of 300 objects, 1.0 MiB of 3.0 MiB"));
  const auto status = parse_status(R"({"renames": [{"from": "a/", "objects": "many"}, 3]})");
  ASSERT_TRUE(status);
  ASSERT_EQ(status->renames.size(), 2U);
  EXPECT_EQ(status->renames[0].from, "a/");
}

TEST(Status, SummarizesInOneLine) {
  MountStatus status = example();
  EXPECT_THAT(summarize(status), HasSubstr("token good until"));
  EXPECT_THAT(summarize(status), HasSubstr("3 files, 12.0 MiB to upload"));
  status.files.dirty = 0;
  status.credentials.expires = core::wall_from_unix(kNow - 1);
  EXPECT_THAT(summarize(status), HasSubstr("TOKEN EXPIRED"));
  EXPECT_THAT(summarize(status), HasSubstr("everything uploaded"));
  status.credentials.expires.reset();
  EXPECT_THAT(summarize(status), HasSubstr("does not expire"));
}

}  // namespace
}  // namespace ops
