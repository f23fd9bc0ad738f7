// Every source that asks over the network, kept alive by the refresher in fake time.
#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <future>

#include "cred/assume_role.h"
#include "cred/credentials_uri.h"
#include "cred/ecs_metadata.h"
#include "cred/oidc_role.h"
#include "cred/refresher.h"
#include "cred/static_source.h"
#include "support/fake_clock.h"
#include "unit/cred/fake_cloud.h"

namespace {

using namespace std::chrono_literals;

constexpr const char* kRole = "acs:ram::1:role/r";

struct World {
  test::FakeClock clock;
  cred::ServiceClock service_clock{clock};
  test::FakeCloud cloud{clock, 1h};
  std::string token_file = ::testing::TempDir() + "remote_refresh_token";
};

struct Kind {
  const char* name;
  const char* counted;  ///< what one fetch asks for
  std::function<std::unique_ptr<cred::CredentialSource>(World&)> make;
};
std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }

std::unique_ptr<cred::CredentialSource> assume_role(World& world, cred::StsSigning signing) {
  auto base = std::make_unique<cred::StaticSource>(
      sign::Credentials{"LTAIbase", core::Secret("canary-base"), {}}, "base", world.clock);
  return std::make_unique<cred::AssumeRole>(
      cred::RoleRequest{kRole, "session", 1h, "", "", signing}, std::move(base),
      test::FakeCloud::sts(), world.cloud, world.service_clock);
}

const std::vector<Kind> kKinds = {
    {"AssumeRoleRpc", "AssumeRole",
     [](World& world) { return assume_role(world, cred::StsSigning::Rpc); }},
    {"AssumeRoleAcs3", "AssumeRole",
     [](World& world) { return assume_role(world, cred::StsSigning::Acs3); }},
    {"Oidc", "AssumeRoleWithOIDC",
     [](World& world) {
       std::ofstream(world.token_file) << "an-identity-token";
       return std::make_unique<cred::OidcRole>(
           cred::OidcRequest{kRole, "acs:ram::1:oidc-provider/p", world.token_file, "pod", 1h, ""},
           test::FakeCloud::sts(), world.cloud, world.service_clock);
     }},
    {"EcsMetadata", "GET credentials",
     [](World& world) {
       cred::EcsOptions options;
       options.endpoint = test::FakeCloud::metadata();
       return std::make_unique<cred::EcsMetadata>(options, world.cloud, world.service_clock);
     }},
    {"CredentialsUri", "GET uri",
     [](World& world) {
       return std::make_unique<cred::CredentialsUri>(test::FakeCloud::sidecar(), "/c", world.cloud,
                                                     world.service_clock);
     }},
};

class Remote : public ::testing::TestWithParam<Kind> {
 protected:
  ~Remote() override { std::remove(world_.token_file.c_str()); }

  cred::Refresher& refresher() {
    if (!refresher_) {
      refresher_ = std::make_unique<cred::Refresher>(GetParam().make(world_), world_.service_clock,
                                                     cred::RefresherOptions{30s, 7});
    }
    return *refresher_;
  }
  /// To the next planned step, `limit` at most.
  void step(core::SteadyTime limit) {
    world_.clock.await_sleepers(1);
    const auto next = std::min(world_.clock.next_deadline().value_or(limit), limit);
    world_.clock.advance(next - world_.clock.steady_now());
    world_.clock.await_sleepers(1);
  }
  core::SteadyTime now() { return world_.clock.steady_now(); }

  World world_;
  std::unique_ptr<cred::Refresher> refresher_;
};

// Of four weeks and a bit, in which nearly every third request fails.
TEST_P(Remote, LivesForAMonthWithoutAGap) {
  constexpr std::uint64_t kSeed = 20'240'102;
  ASSERT_TRUE(refresher().first({}));
  world_.cloud.fail_randomly(0.3, kSeed);
  const auto end = now() + 30 * 24h;
  while (now() < end) {
    step(end);
    const auto got = refresher().get({});
    ASSERT_TRUE(got) << "seed " << kSeed << ": " << core::describe(got.error());
    ASSERT_LT(now(), *(*got)->lease.expires) << "seed " << kSeed;
  }
  EXPECT_GE(world_.cloud.issued(), 30 * 24 * 60 / 49);
  EXPECT_LE(world_.cloud.issued(), 30 * 24 * 60 / 43);
  EXPECT_GT(refresher().status().failures, 200U);
  EXPECT_EQ(refresher().status().rejections, 0U);
}

TEST_P(Remote, AnOutageOfHalfAMinuteChangesNothing) {
  ASSERT_TRUE(refresher().first({}));
  // Begins when the first renewal is due.
  world_.clock.await_sleepers(1);
  const auto due = refresher().status().next_renewal.value() - world_.clock.wall_now();
  const auto begins = now() + due;
  while (now() < begins - 1s) {
    step(begins - 1s);
  }
  world_.cloud.set_down(true);
  const auto ends = now() + 30s;
  while (now() < ends) {
    step(ends);
    const auto got = refresher().get({});
    ASSERT_TRUE(got) << core::describe(got.error());
    EXPECT_EQ((*got)->version, 1U);
  }
  EXPECT_GT(refresher().status().failures, 0U);
  EXPECT_TRUE(refresher().status().degraded);
  world_.cloud.set_down(false);
  const auto limit = now() + 1min;
  while (now() < limit) {
    step(limit);
  }
  EXPECT_EQ((*refresher().get({}))->version, 2U);
  EXPECT_FALSE(refresher().status().degraded);
}

TEST_P(Remote, AHundredFirstRequestsAreOneFetch) {
  std::vector<std::future<bool>> requests;
  refresher();
  for (int i = 0; i < 100; ++i) {
    requests.push_back(std::async(std::launch::async, [this] {
      const auto got = refresher_->get({});
      return got && (*got)->version == 1;
    }));
  }
  for (auto& request : requests) {
    EXPECT_TRUE(request.get());
  }
  EXPECT_EQ(world_.cloud.issued(), 1);
  EXPECT_EQ(world_.cloud.count(GetParam().counted), 1);
}

INSTANTIATE_TEST_SUITE_P(Sources, Remote, ::testing::ValuesIn(kKinds),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
