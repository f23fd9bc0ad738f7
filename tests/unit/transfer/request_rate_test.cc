#include "transfer/request_rate.h"

#include <gmock/gmock.h>

#include <stop_token>
#include <thread>
#include <vector>

#include "support/fake_clock.h"
#include "support/results.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using test::FailsWith;
using transfer::RateRule;
using transfer::RequestRate;

/// Sends all that may be sent until `until`, looking again every millisecond.
int send(RateRule& rule, core::SteadyTime& now, core::Duration time) {
  int sent = 0;
  for (const auto until = now + time; now < until; now += 1ms) {
    while (rule.take(now)) {
      ++sent;
    }
  }
  return sent;
}

TEST(RateRule, ADirectoryOfTenThousandGoesAtOnceAndWhatFollowsAtTheRate) {
  core::SteadyTime now{};
  RateRule rule({}, now);
  EXPECT_EQ(send(rule, now, 1ms), 10'000);
  EXPECT_NEAR(send(rule, now, 1s), 2'466, 60);
}

TEST(RateRule, GrowsByHalfASecondUntilItIsRefusedAndByLittleThen) {
  core::SteadyTime now{};
  RateRule rule({}, now);
  send(rule, now, 2s);
  EXPECT_NEAR(rule.rate(), 2'000 * 2.25, 20);
  send(rule, now, 60s);
  EXPECT_DOUBLE_EQ(rule.rate(), 10'000);
  EXPECT_NEAR(send(rule, now, 1s), 10'000, 20);
  rule.refused(now, now, {});
  EXPECT_NEAR(rule.rate(), 7'000, 1);
  send(rule, now, 2s);
  EXPECT_NEAR(rule.rate(), 7'000 * 1.1025, 20);
}

TEST(RateRule, GrowsBySendingAlone) {
  core::SteadyTime now{};
  RateRule rule({}, now);
  now += 24h;
  rule.take(now);
  EXPECT_NEAR(rule.rate(), 3'000, 1);
}

TEST(RateRule, FallsOnceForAllThatWereOnTheirWay) {
  core::SteadyTime now{};
  RateRule rule({}, now);
  const auto sent = now;
  now += 20ms;
  EXPECT_TRUE(rule.refused(sent, now, {}));
  for (int n = 0; n < 255; ++n) {
    EXPECT_FALSE(rule.refused(sent, now += 1ms, {}));
  }
  EXPECT_NEAR(rule.rate(), 1'430, 20) << "it grew a little before and since";
  EXPECT_TRUE(rule.refused(now, now + 1ms, {}));
  EXPECT_NEAR(rule.rate(), 1'000, 20);
}

TEST(RateRule, ARefusalEndsTheBurst) {
  core::SteadyTime now{};
  RateRule rule({}, now);
  rule.refused(now, now, {});
  EXPECT_FALSE(rule.take(now));
  EXPECT_NEAR(send(rule, now, 1s), 1'430, 40);
  now += 1min;  // a second's worth is the most that gathers
  EXPECT_NEAR(send(rule, now, 1ms), 1'540, 40);
}

TEST(RateRule, RecoversItsBurst) {
  core::SteadyTime now{};
  RateRule rule({}, now);
  rule.refused(now, now, {});
  send(rule, now, 10s);
  EXPECT_GT(rule.rate(), 2'000);
  now += 1min;
  EXPECT_EQ(send(rule, now, 1ms), 10'000);
}

TEST(RateRule, FallsToTheLeastAndNotToNothing) {
  core::SteadyTime now{};
  RateRule rule({}, now);
  for (int n = 0; n < 100; ++n) {
    rule.refused(now, now, {});
  }
  EXPECT_DOUBLE_EQ(rule.rate(), 10);
  EXPECT_NEAR(send(rule, now, 1s), 10, 1);
}

TEST(RateRule, IsSilentAsLongAsItIsTold) {
  core::SteadyTime now{};
  RateRule rule({}, now);
  rule.refused(now, now, 3s);
  EXPECT_GE(rule.next(now), now + 3s);
  EXPECT_EQ(send(rule, now, 3s), 0);
  EXPECT_GT(send(rule, now, 100ms), 100);
}

TEST(RateRule, MakesWayForThoseWhoWait) {
  core::SteadyTime now{};
  RateRule rule({}, now);
  send(rule, now, 1ms);
  for (int n = 0; n < 1'000; ++n) {
    rule.spend(now);
  }
  EXPECT_EQ(send(rule, now, 440ms), 0);
  EXPECT_GT(send(rule, now, 100ms), 50);
  for (int n = 0; n < 1'000'000; ++n) {
    rule.spend(now);
  }
  EXPECT_LE(rule.next(now), now + 1010ms);
}

TEST(RateRule, BytesComeByTheSecondOnceTheServiceAskedForLess) {
  core::SteadyTime now{};
  RateRule rule(RateRule::kBytes, now);
  for (int i = 0; i < 20; ++i) {
    now += 1ms;
    rule.refused(now, now, {});
  }
  EXPECT_NEAR(rule.rate(), 4e6, 1e6);
  // A piece of 1 MiB may go as soon as there is anything, and the next when it is paid for.
  int pieces = 0;
  for (const auto until = now + 10s; now < until; now += 1ms) {
    pieces += rule.take(now, 1 << 20) ? 1 : 0;
  }
  EXPECT_NEAR(pieces, 38, 15);
}

TEST(RateRule, SaysWhenTheNextMayGo) {
  core::SteadyTime now{};
  RateRule rule({.start = 3, .most = 3, .least = 1, .burst = 1}, now);
  EXPECT_EQ(rule.next(now), now);
  for (int n = 0; n < 20; ++n) {
    ASSERT_TRUE(rule.take(now)) << n;
    const auto next = rule.next(now);
    EXPECT_FALSE(rule.take(next - 2us));
    now = next;
  }
}

class Rate : public testing::Test {
 protected:
  test::FakeClock clock_;
  core::Metrics metrics_;
};

TEST_F(Rate, HoldsNoMoreThanItsPermits) {
  RequestRate rate(clock_, metrics_, {}, 2);
  auto first = rate.try_take();
  {
    const auto second = rate.try_take();
    EXPECT_TRUE(second);
    EXPECT_FALSE(rate.try_take());
  }
  EXPECT_TRUE(rate.try_take());
  EXPECT_TRUE(first);
  EXPECT_EQ(metrics_["transfer.requests_ahead"].value(), 3);
}

TEST_F(Rate, WaitsForAPermitOfAnother) {
  RequestRate rate(clock_, metrics_, {}, 1);
  std::optional held(rate.try_take());
  std::jthread other([&] { EXPECT_TRUE(rate.take({})); });
  clock_.await_sleepers(1);
  held.reset();
}

TEST_F(Rate, WaitsForTimeToPass) {
  RequestRate rate(clock_, metrics_, {.start = 10, .most = 10, .burst = 1});
  EXPECT_TRUE(rate.take({}));
  std::jthread other([&] { EXPECT_TRUE(rate.take({})); });
  clock_.await_sleepers(1);
  EXPECT_LE(*clock_.next_deadline() - clock_.steady_now(), 101ms);
  clock_.advance(101ms);
}

TEST_F(Rate, WaitingEndsWithTheDeadline) {
  RequestRate rate(clock_, metrics_, {.start = 10, .most = 10, .burst = 0});
  rate.throttled(clock_.steady_now(), 1min);
  core::OpContext context;
  context.deadline = clock_.steady_now() + 1s;
  std::jthread other([&] { EXPECT_THAT(rate.take(context), FailsWith(ErrorKind::Timeout)); });
  clock_.await_sleepers(1);
  clock_.advance(1s);
}

TEST_F(Rate, WaitingEndsWhenAskedTo) {
  RequestRate rate(clock_, metrics_, {});
  rate.throttled(clock_.steady_now(), 1min);
  std::stop_source stop;
  core::OpContext context;
  context.stop = stop.get_token();
  std::jthread other([&] { EXPECT_THAT(rate.take(context), FailsWith(ErrorKind::Cancelled)); });
  clock_.await_sleepers(1);
  stop.request_stop();
}

TEST_F(Rate, SlowsDownWhenThrottledAndSaysSo) {
  RequestRate rate(clock_, metrics_, {});
  {
    const auto permit = rate.try_take();
    permit->throttled(2s);
  }
  EXPECT_EQ(metrics_["transfer.ahead_rate"].value(), 1'400);
  EXPECT_EQ(metrics_["transfer.ahead_rate_falls"].value(), 1);
  EXPECT_FALSE(rate.try_take());
  EXPECT_FALSE(rate.take_bytes(1));
  EXPECT_EQ(metrics_["transfer.ahead_bytes_rate"].value(), 1'750'000'000);
  rate.foreground();  // waits for nothing
  clock_.advance(2100ms);
  EXPECT_TRUE(rate.try_take());
  EXPECT_TRUE(rate.take_bytes(1 << 20));
}

}  // namespace
