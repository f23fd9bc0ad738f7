#include "app/endpoints.h"

#include <gmock/gmock.h>

#include "app/command_line.h"
#include "app/settings.h"

namespace app {
namespace {

using ::testing::HasSubstr;

core::Result<ServiceSettings> settings_of(std::vector<std::string> words,
                                          const std::string& bucket = "b-1") {
  words.insert(words.begin(), {"stsfs", "mount", "oss://" + bucket, "/mnt/x", "--role-arn", "a"});
  const auto invocation = parse_command_line(words, {});
  if (!invocation) {
    return invocation.error();
  }
  return service_settings(invocation->values, {}, parse_location("oss://" + bucket).value());
}

TEST(Endpoints, FollowFromTheRegion) {
  EXPECT_EQ(oss_endpoint("cn-hangzhou", false), "https://oss-cn-hangzhou.aliyuncs.com");
  EXPECT_EQ(oss_endpoint("cn-hangzhou", true), "https://oss-cn-hangzhou-internal.aliyuncs.com");
  EXPECT_EQ(region_id("oss-cn-hangzhou"), "cn-hangzhou");
  EXPECT_EQ(region_id("cn-hangzhou"), "cn-hangzhou");
}

TEST(Endpoints, ABucketInFrontIsNotAskedForTwice) {
  EXPECT_EQ(without_bucket("b-1.oss-cn-hangzhou.aliyuncs.com", "b-1"),
            "oss-cn-hangzhou.aliyuncs.com");
  for (const char* host : {"oss-cn-hangzhou.aliyuncs.com", "b-1.example.com", "b-1.aliyuncs.com",
                           "b-12.oss-cn-hangzhou.aliyuncs.com"}) {
    EXPECT_EQ(without_bucket(host, "b-1"), host);
  }
}

struct Row {
  std::vector<std::string> options;
  const char* host;
  const char* region;
  const char* sts;
};
std::ostream& operator<<(std::ostream& out, const Row& row) {
  for (const auto& word : row.options) {
    out << word << ' ';
  }
  return out;
}
class EndpointOf : public ::testing::TestWithParam<Row> {};
TEST_P(EndpointOf, OptionsIsAsTheTableSays) {
  const auto settings = settings_of(GetParam().options);
  ASSERT_TRUE(settings) << describe(settings.error());
  EXPECT_EQ(settings->store.endpoint.host, GetParam().host);
  EXPECT_EQ(settings->store.region, GetParam().region);
  EXPECT_EQ(settings->source.sts.host, GetParam().sts);
}
INSTANTIATE_TEST_SUITE_P(
    Kinds, EndpointOf,
    ::testing::Values(
        Row{{"--region", "cn-beijing"},
            "oss-cn-beijing.aliyuncs.com",
            "cn-beijing",
            "sts.cn-beijing.aliyuncs.com"},
        Row{{"--region", "oss-cn-beijing"},
            "oss-cn-beijing.aliyuncs.com",
            "cn-beijing",
            "sts.cn-beijing.aliyuncs.com"},
        Row{{"--region", "cn-beijing", "--internal"},
            "oss-cn-beijing-internal.aliyuncs.com",
            "cn-beijing",
            "sts-vpc.cn-beijing.aliyuncs.com"},
        Row{{"--region", "cn-beijing", "--internal", "--sts-endpoint", "https://sts.example"},
            "oss-cn-beijing-internal.aliyuncs.com",
            "cn-beijing",
            "sts.example"},
        // An endpoint tells its region, inside or not; which STS to ask is another matter.
        Row{{"--endpoint", "https://oss-cn-hangzhou-internal.aliyuncs.com"},
            "oss-cn-hangzhou-internal.aliyuncs.com",
            "cn-hangzhou",
            "sts.cn-hangzhou.aliyuncs.com"},
        Row{{"--endpoint", "https://oss-cn-hangzhou-internal.aliyuncs.com", "--internal"},
            "oss-cn-hangzhou-internal.aliyuncs.com",
            "cn-hangzhou",
            "sts-vpc.cn-hangzhou.aliyuncs.com"},
        Row{{"--endpoint", "https://cn-hangzhou.oss.aliyuncs.com"},
            "cn-hangzhou.oss.aliyuncs.com",
            "cn-hangzhou",
            "sts.cn-hangzhou.aliyuncs.com"},
        Row{{"--endpoint", "https://b-1.oss-cn-hangzhou.aliyuncs.com"},
            "oss-cn-hangzhou.aliyuncs.com",
            "cn-hangzhou",
            "sts.cn-hangzhou.aliyuncs.com"},
        // "accelerate" is no region.
        Row{{"--endpoint", "https://oss-accelerate.aliyuncs.com"},
            "oss-accelerate.aliyuncs.com",
            "",
            "sts.aliyuncs.com"},
        Row{{"--endpoint", "https://oss-accelerate-overseas.aliyuncs.com", "--region", "cn-a"},
            "oss-accelerate-overseas.aliyuncs.com",
            "cn-a",
            "sts.cn-a.aliyuncs.com"},
        Row{{"--endpoint", "https://files.example.com", "--addressing", "cname"},
            "files.example.com",
            "",
            "sts.aliyuncs.com"}));

TEST(Endpoints, InternalNeedsARegion) {
  const auto settings =
      settings_of({"--endpoint", "https://oss-accelerate.aliyuncs.com", "--internal"});
  ASSERT_FALSE(settings);
  EXPECT_THAT(settings.error().message, HasSubstr("--internal needs --region"));
}

}  // namespace
}  // namespace app
