// A refresher whose tokens are refused, and one that gets none.
#include <gmock/gmock.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "unit/cred/refresher_fixture.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using test::Fails;
using test::Got;
using test::RefresherTest;
using ::testing::HasSubstr;

TEST_F(RefresherTest, ARefusedTokenIsReplacedAtOnce) {
  start();
  ASSERT_TRUE(refresher().first({}));
  pass(20min);
  refresher().reject(1);
  EXPECT_EQ(id(), "STS.fake-2");
  EXPECT_EQ(refresher().status().rejections, 1U);
}

TEST_F(RefresherTest, ALateRefusalOfAnOldVersionChangesNothing) {
  start();
  ASSERT_TRUE(refresher().first({}));
  refresher().reject(1);
  EXPECT_EQ(id(), "STS.fake-2");
  refresher().reject(1);
  refresher().reject(7);
  EXPECT_EQ(id(), "STS.fake-2");
  EXPECT_EQ(sts_->begun(), 2);
  EXPECT_EQ(refresher().status().rejections, 1U);
}

TEST_F(RefresherTest, CallersOfARefusedTokenWaitHoweverManyAttemptsTheFlightTakes) {
  start();
  ASSERT_TRUE(refresher().first({}));
  pass(20min);
  sts_->fail_next(test::transient_failure(), 5);
  refresher().reject(1);
  auto request = get_async();
  const Got got = finish(std::move(request));
  ASSERT_TRUE(got);
  EXPECT_EQ((*got)->version, 2U);
  EXPECT_EQ(sts_->begun(), 7);
}

TEST_F(RefresherTest, AHundredRefusalsOfOneVersionAreOneFetch) {
  start();
  ASSERT_TRUE(refresher().first({}));
  pass(20min);
  sts_->hold();
  std::vector<std::future<Got>> requests;
  requests.reserve(100);
  for (int i = 0; i < 100; ++i) {
    requests.push_back(std::async(std::launch::async, [this] {
      refresher_->reject(1);
      return refresher_->get({});
    }));
  }
  clock_.await_sleepers(100);
  sts_->release();
  for (auto& request : requests) {
    const Got got = request.get();
    ASSERT_TRUE(got);
    EXPECT_EQ((*got)->version, 2U);
  }
  EXPECT_EQ(sts_->begun(), 2);
}

// A service that refuses whatever it is shown must not make us call STS in a loop.
TEST_F(RefresherTest, AStormOfRefusalsBacksOff) {
  start(1h);
  ASSERT_TRUE(refresher().first({}));
  int refused = 0;
  const auto end = clock_.steady_now() + 60s;
  while (clock_.steady_now() < end) {
    const Got got = finish(get_async());
    ASSERT_TRUE(got) << core::describe(got.error());
    refresher().reject((*got)->version);
    ++refused;
  }
  EXPECT_LT(refused, 120);
  EXPECT_GT(refused, 5);
}

TEST_F(RefresherTest, ALongLivedKeyThatIsRefusedIsFinal) {
  start(0s);
  ASSERT_TRUE(refresher().first({}));
  EXPECT_EQ(id(), "LTAI-fake-1");
  refresher().reject(1);
  const Got got = get();
  EXPECT_THAT(got, Fails(ErrorKind::Denied));
  EXPECT_THAT(got.error().message, HasSubstr("LTAI-fake-1"));
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(get(), Fails(ErrorKind::Denied));  // at once: no time passes here
  }
  EXPECT_EQ(sts_->begun(), 2);
  EXPECT_EQ((refresher().status().renewals), 1U);
}

/// What an environment holds that got a token once and no word of its end.
class SpentToken final : public cred::CredentialSource {
 public:
  cred::Fetched fetch(const core::OpContext& /*context*/) override {
    return cred::Lease{{"STS.spent", core::Secret("secret"), core::Secret("token")},
                       std::nullopt,
                       core::SteadyTime{}};
  }
  [[nodiscard]] std::string describe() const override { return "environment"; }
};

TEST_F(RefresherTest, ATokenWithNoOtherAfterItIsSpent) {
  cred::Refresher refresher(std::make_unique<SpentToken>(), service_clock_, options_);
  ASSERT_TRUE(refresher.first({}));
  refresher.reject(1);
  const Got got = refresher.get({});
  EXPECT_THAT(got, Fails(ErrorKind::Unauthenticated));
  EXPECT_EQ(got.error().reason, core::Reason::TokenSpent);
}

TEST_F(RefresherTest, ALongLivedKeyIsFetchedOnce) {
  start(0s);
  ASSERT_TRUE(refresher().first({}));
  pass(24h);
  EXPECT_EQ(sts_->begun(), 1);
  EXPECT_FALSE(refresher().status().expires);
  EXPECT_FALSE(refresher().status().next_renewal);
}

TEST_F(RefresherTest, MountEndsAtOnceWhenRefusedForGood) {
  start();
  sts_->set_down(test::permanent_failure("no such role"));
  const Got got = refresher().first({});
  EXPECT_THAT(got, Fails(ErrorKind::Denied));
  EXPECT_THAT(got.error().message, HasSubstr("no such role"));
}

TEST_F(RefresherTest, MountTriesAgainUntilItsDeadline) {
  start();
  sts_->fail_next(test::transient_failure(), 8);
  const auto deadline = clock_.steady_now() + 30s;
  EXPECT_TRUE(finish(mount_async(deadline)));
  EXPECT_LT(clock_.steady_now(), deadline);
  EXPECT_EQ(sts_->begun(), 9);
}

TEST_F(RefresherTest, MountThatRunsOutOfTimeGivesTheLastFailureKindIncluded) {
  start();
  sts_->set_down(test::transient_failure("connection refused"));
  const auto deadline = clock_.steady_now() + 30s;
  const Got got = finish(mount_async(deadline));
  EXPECT_THAT(got, Fails(ErrorKind::Unavailable));
  EXPECT_THAT(got.error().message, HasSubstr("connection refused"));
  EXPECT_GE(clock_.steady_now(), deadline);
}

TEST_F(RefresherTest, KeepsTryingAfterARefusalThatLooksPermanent) {
  start(1h);
  ASSERT_TRUE(refresher().first({}));
  sts_->set_down(test::permanent_failure());
  pass(50min);
  EXPECT_EQ(id(), "STS.fake-1");
  pass(15min);
  // Expired: whoever asks is told why by the next attempt, and does not wait for a third.
  sts_->hold();
  const int begun = sts_->begun();
  clock_.suspend(2min);  // that attempt is overdue
  auto request = get_async();
  sts_->await_begun(begun + 1);
  sts_->release();
  const Got got = request.get();  // no time passes
  EXPECT_THAT(got, Fails(ErrorKind::Unauthenticated));
  EXPECT_THAT(got.error().message, HasSubstr("NoPermission"));
  sts_->set_down({});
  pass(2min);
  EXPECT_EQ(id(), "STS.fake-2");
}

}  // namespace
