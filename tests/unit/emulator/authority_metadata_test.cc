// The metadata service through the authority.
#include <gmock/gmock.h>

#include "unit/emulator/authority_client.h"

namespace emulator {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const std::string kRoles = "/latest/meta-data/ram/security-credentials/";

class MetadataTest : public ::testing::Test {
 protected:
  void open(bool weak = false) {
    AuthorityOptions options;
    options.weak_metadata = weak;
    auto opened = Authority::open(options, clock_);
    ASSERT_TRUE(opened);
    authority_ = *std::move(opened);
  }
  Answer get(const std::string& path, const std::string& token) {
    Fields headers;
    if (!token.empty()) {
      headers.emplace_back("X-aliyun-ecs-metadata-token", token);
    }
    return authority_->metadata(make_request("GET", path, headers));
  }
  Answer put(const std::string& ttl) {
    return authority_->metadata(make_request("PUT", "/latest/api/token",
                                             {{"x-aliyun-ecs-metadata-token-ttl-seconds", ttl}}));
  }
  [[nodiscard]] std::string verified_arn(const json& keys) const {
    const auto request =
        v4_request({keys["AccessKeyId"], keys["AccessKeySecret"], keys["SecurityToken"]},
                   clock_.wall_now(), "b", "k");
    const auto verified = authority_->verify(request, "b", "k", {});
    return std::holds_alternative<Verified>(verified) ? std::get<Verified>(verified).principal.arn
                                                      : std::get<ServiceError>(verified).code;
  }

  test::FakeClock clock_;
  std::unique_ptr<Authority> authority_;
};

TEST_F(MetadataTest, HandsOutTheRolesCredentialsForAToken) {
  open();
  const std::string token = put("21600").body;
  EXPECT_EQ(get(kRoles, token).body, "stsfs-full");
  const Answer answer = get(kRoles + "stsfs-full", token);
  ASSERT_EQ(answer.status, 200);
  const json keys = json::parse(answer.body);
  EXPECT_EQ(keys["Code"], "Success");
  EXPECT_EQ(keys["LastUpdated"], "2024-01-02T03:04:05Z");
  EXPECT_EQ(keys["Expiration"], "2024-01-02T04:04:05Z");
  EXPECT_EQ(verified_arn(keys),
            "acs:ram::1750000000000000:assumed-role/stsfs-full/i-stsfsemulator");
}

TEST_F(MetadataTest, PathsAreTakenInAnyCase) {
  open();
  const std::string token = put("60").body;
  EXPECT_EQ(get("/latest/meta-data/Ram/security-credentials/stsfs-full", token).status, 200);
  EXPECT_EQ(get("/latest/meta-data/ram/security-credentials", token).body, "stsfs-full");
  EXPECT_EQ(get("/latest/meta-data/region-id", token).body, "cn-hangzhou");
  EXPECT_EQ(get(kRoles + "other", token).status, 404);
  EXPECT_EQ(get("/latest/user-data", token).status, 404);
}

TEST_F(MetadataTest, HardenedModeInsistsOnALivingToken) {
  open();
  const std::string token = put("60").body;
  EXPECT_EQ(get(kRoles, "").status, 403);
  EXPECT_EQ(get(kRoles, "nonsense").status, 401);
  EXPECT_EQ(get(kRoles, token + "0").status, 401);
  EXPECT_EQ(get(kRoles, "9" + token).status, 401) << "a longer life was not stamped";
  clock_.advance(60s);
  EXPECT_EQ(get(kRoles, token).status, 401);
  for (const auto* ttl : {"", "0", "21601", "x"}) {
    EXPECT_EQ(put(ttl).status, 400) << ttl;
  }
  EXPECT_EQ(authority_->metadata(make_request("GET", "/latest/api/token")).status, 405);
  EXPECT_EQ(authority_->metadata(make_request("DELETE", kRoles)).status, 405);
}

TEST_F(MetadataTest, Ec2sWordsWorkBesideEcss) {
  open();
  const std::string roles = "/latest/meta-data/iam/security-credentials/";
  const auto ask = [this](const std::string& path, Fields headers) {
    return authority_->metadata(make_request("GET", path, std::move(headers)));
  };
  EXPECT_EQ(ask(roles, {}).status, 401) << "as EC2 where IMDSv2 is required";
  const Answer session = authority_->metadata(
      make_request("PUT", "/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds", "60"}}));
  ASSERT_EQ(session.status, 200);
  const Fields token = {{"X-aws-ec2-metadata-token", session.body}};
  EXPECT_EQ(ask(roles, token).body, "stsfs-full");
  const Answer answer = ask(roles + "stsfs-full", token);
  ASSERT_EQ(answer.status, 200);
  const json keys = json::parse(answer.body);
  EXPECT_EQ(keys["Code"], "Success");
  EXPECT_EQ(keys["Type"], "AWS-HMAC");
  EXPECT_EQ(keys["AccessKeyId"].get<std::string>().substr(0, 4), "ASIA");
  EXPECT_EQ(verified_arn({{"AccessKeyId", keys["AccessKeyId"]},
                          {"AccessKeySecret", keys["SecretAccessKey"]},
                          {"SecurityToken", keys["Token"]}}),
            "acs:ram::1750000000000000:assumed-role/stsfs-full/i-stsfsemulator");
  EXPECT_EQ(ask("/latest/meta-data/placement/region", token).body, "cn-hangzhou");
  EXPECT_EQ(json::parse(ask("/latest/dynamic/instance-identity/document", token).body)["region"],
            "cn-hangzhou");
  EXPECT_EQ(ask(kRoles, token).status, 404) << "ECS's paths are not EC2's";
  EXPECT_EQ(get(kRoles, session.body).status, 401) << "nor its tokens";
  EXPECT_EQ(ask(roles, {{"X-aws-ec2-metadata-token", put("60").body}}).status, 401);
  clock_.advance(60s);
  EXPECT_EQ(ask(roles, token).status, 401);
}

TEST_F(MetadataTest, WeakModeDoesNotButStillChecksWhatIsSent) {
  open(/*weak=*/true);
  EXPECT_EQ(get(kRoles + "stsfs-full", "").status, 200);
  EXPECT_EQ(get(kRoles + "stsfs-full", "nonsense").status, 401);
}

TEST_F(MetadataTest, CredentialsAreReplacedAtHalfLifeAndAfterRevocation) {
  open(/*weak=*/true);
  const auto id = [this] {
    return json::parse(get(kRoles + "stsfs-full", "").body)["AccessKeyId"].get<std::string>();
  };
  const std::string first = id();
  clock_.advance(29min);
  EXPECT_EQ(id(), first);
  clock_.advance(1min);
  const std::string second = id();
  EXPECT_NE(second, first);
  ASSERT_TRUE(authority_->revoke_all());
  EXPECT_NE(id(), second);
  EXPECT_EQ(verified_arn(json::parse(get(kRoles + "stsfs-full", "").body)),
            "acs:ram::1750000000000000:assumed-role/stsfs-full/i-stsfsemulator");
}

}  // namespace
}  // namespace emulator
