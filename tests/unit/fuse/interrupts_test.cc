#include "fuse/interrupts.h"

#include <gtest/gtest.h>

#include "core/metrics.h"
#include "support/fake_clock.h"
#include "support/fake_requesters.h"

namespace {

using namespace std::chrono_literals;

constexpr pid_t kCaller = 815;
constexpr pid_t kOther = 816;

class Interrupts : public ::testing::Test {
 protected:
  void SetUp() override {
    requesters_.add(kCaller);
    requesters_.add(kOther);
    ASSERT_TRUE(interrupts_.start());
  }
  /// Waits until the next look is planned, and lets it come.
  void pass_time() {
    clock_.await_sleepers(1);
    clock_.advance(200ms);
  }

  core::Metrics metrics_;
  test::FakeClock clock_;
  test::FakeRequesters requesters_;
  fuse::InFlight in_flight_;
  fuse::Interrupts interrupts_{in_flight_, requesters_, clock_, metrics_, 200ms};
};

TEST_F(Interrupts, OfNoRequestAreRefused) {
  EXPECT_FALSE(interrupts_.arrived(7));
  EXPECT_EQ(metrics_["fuse.interrupts"].value(), 0);
  EXPECT_EQ(metrics_["fuse.signals_outlived"].value(), 0);
}

TEST_F(Interrupts, OfADyingCallerStopItsRequestAtOnce) {
  const std::stop_token stop = in_flight_.enter(7, kCaller);
  const std::stop_token other = in_flight_.enter(8, kCaller);
  requesters_.kill(kCaller);
  EXPECT_TRUE(interrupts_.arrived(7));
  EXPECT_TRUE(stop.stop_requested());
  EXPECT_FALSE(other.stop_requested());
  EXPECT_EQ(metrics_["fuse.interrupts"].value(), 1);
  EXPECT_EQ(metrics_["fuse.signals_outlived"].value(), 0);
}

TEST_F(Interrupts, OfAnUnseenCallerStopItsRequest) {
  const std::stop_token stop = in_flight_.enter(7, 0);
  EXPECT_TRUE(interrupts_.arrived(7));
  EXPECT_TRUE(stop.stop_requested());
}

TEST_F(Interrupts, CallersThatLiveAreLookedAtUntilTheyDie) {
  const std::stop_token stop = in_flight_.enter(7, kCaller);
  const std::stop_token other = in_flight_.enter(8, kOther);
  EXPECT_TRUE(interrupts_.arrived(7));
  EXPECT_TRUE(interrupts_.arrived(8));
  for (unsigned looks = 2; looks < 10; ++looks) {
    pass_time();
    requesters_.await_looks(kCaller, looks);
    requesters_.await_looks(kOther, looks);
  }
  EXPECT_FALSE(stop.stop_requested());
  requesters_.kill(kCaller);
  pass_time();
  clock_.await_sleepers(1);  // the one after that look
  EXPECT_TRUE(stop.stop_requested());
  EXPECT_FALSE(other.stop_requested());
  EXPECT_EQ(metrics_["fuse.interrupts"].value(), 1);
  EXPECT_EQ(metrics_["fuse.signals_outlived"].value(), 2);
}

TEST_F(Interrupts, WhoHasItsAnswerIsNotLookedAt) {
  const std::stop_token stop = in_flight_.enter(7, kCaller);
  EXPECT_TRUE(interrupts_.arrived(7));
  in_flight_.leave(7);
  pass_time();
  // Nothing is planned any more: it takes another interrupt to begin a new round.
  in_flight_.enter(9, kOther);
  EXPECT_TRUE(interrupts_.arrived(9));
  pass_time();
  requesters_.await_looks(kOther, 2);
  EXPECT_EQ(requesters_.looks(kCaller), 1U);
  EXPECT_FALSE(stop.stop_requested());
}

TEST_F(Interrupts, StopWithinARound) {
  in_flight_.enter(7, kCaller);
  EXPECT_TRUE(interrupts_.arrived(7));
  clock_.await_sleepers(1);
  interrupts_.stop();
  EXPECT_EQ(clock_.sleepers(), 0U);
  interrupts_.stop();  // again is no harm
}

}  // namespace
