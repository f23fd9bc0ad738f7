#include "http/retry.h"

#include <gmock/gmock.h>

#include <thread>
#include <vector>

#include "support/fake_clock.h"

namespace http {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;

TEST(Backoff, IsFullJitterUnderADoublingCap) {
  const RetryPolicy policy{.attempts = 10, .base = 100ms, .cap = 1s};
  EXPECT_EQ(backoff(policy, 0, 0.5), 50ms);
  EXPECT_EQ(backoff(policy, 2, 0.5), 200ms);
  EXPECT_EQ(backoff(policy, 4, 0.5), 500ms);
  EXPECT_EQ(backoff(policy, 1000, 0.5), 500ms);
  EXPECT_EQ(backoff(policy, 3, 0.0), 0ms);
}

TEST(WorthRepeating, IsAboutTheWorldNotAboutTheRequest) {
  for (const auto kind :
       {ErrorKind::Throttled, ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::Corrupt}) {
    EXPECT_TRUE(worth_repeating(core::fail(kind, "x"))) << core::to_string(kind);
  }
  for (const auto kind : {ErrorKind::NotFound, ErrorKind::Denied, ErrorKind::Cancelled,
                          ErrorKind::Unauthenticated, ErrorKind::Protocol}) {
    EXPECT_FALSE(worth_repeating(core::fail(kind, "x"))) << core::to_string(kind);
  }
}

TEST(Nonsense, IsBelievedAfterAWhileUnlessTheServiceItselfSpeaks) {
  const RetryPolicy policy{.attempts = 10, .doubted = 6};
  core::Error error = core::fail(ErrorKind::Protocol, "no HTTP");
  EXPECT_EQ(last_attempt(policy, error), 6);
  error.remote = core::Remote{304, "", "", ""};
  EXPECT_EQ(last_attempt(policy, error), 6);
  error.remote->code = "PermanentRedirect";
  EXPECT_EQ(last_attempt(policy, error), 1);
  EXPECT_EQ(last_attempt(policy, core::fail(ErrorKind::Denied, "x")), 1);
  EXPECT_EQ(last_attempt(policy, core::fail(ErrorKind::Throttled, "x")), 10);
}

/// Runs retries in a thread of their own against a clock that the test moves.
class Retries : public ::testing::Test {
 protected:
  core::Status run(std::vector<ErrorKind> failures, core::Duration asked_for = {}) {
    core::Duration asked{0};
    return with_retries(
        context_, policy_, clock_, random_,
        [&](int n) -> core::Status {
          attempts_ = n + 1;
          times_.push_back(clock_.steady_now());
          if (static_cast<std::size_t>(n) < failures.size()) {
            asked = asked_for;
            return core::fail(failures[static_cast<std::size_t>(n)], "no");
          }
          return {};
        },
        &asked);
  }

  test::FakeClock clock_;
  core::Random random_{7};
  RetryPolicy policy_{.attempts = 4, .base = 100ms, .cap = 1s};
  core::OpContext context_;
  int attempts_ = 0;
  std::vector<core::SteadyTime> times_;
};

TEST_F(Retries, GoOnUntilItWorks) {
  core::Status result;
  std::jthread worker([&] { result = run({ErrorKind::Unavailable, ErrorKind::Throttled}); });
  for (int n = 0; n < 2; ++n) {
    clock_.await_sleepers(1);
    clock_.advance(1s);
  }
  worker.join();
  EXPECT_TRUE(result);
  EXPECT_EQ(attempts_, 3);
}

TEST_F(Retries, DoNotPauseForLongAfterASilence) {
  policy_ = {.attempts = 10, .base = 100ms, .cap = 10s};
  std::jthread worker([&] { (void)run(std::vector<ErrorKind>(9, ErrorKind::Timeout)); });
  for (int n = 0; n < 9; ++n) {
    clock_.await_sleepers(1);
    clock_.advance(policy_.base);  // any longer pause would hang here
  }
  worker.join();
  EXPECT_EQ(attempts_, 10);
}

TEST_F(Retries, StopAtAFinalFailure) {
  const auto result = run({ErrorKind::NotFound});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::NotFound);
  EXPECT_EQ(attempts_, 1);
}

TEST_F(Retries, StopWhenTheAttemptsAreSpent) {
  policy_.base = policy_.cap = 0s;
  const auto result = run(std::vector<ErrorKind>(9, ErrorKind::Timeout));
  ASSERT_FALSE(result);
  EXPECT_EQ(attempts_, 4);
}

TEST_F(Retries, DoNotSleepPastTheDeadline) {
  context_.deadline = clock_.steady_now() + 5s;
  const auto result = run({ErrorKind::Throttled}, 6s);
  ASSERT_FALSE(result);
  EXPECT_EQ(attempts_, 1);
}

TEST_F(Retries, WaitAsLongAsTheServiceAsks) {
  core::Status result;
  std::jthread worker([&] { result = run({ErrorKind::Throttled}, 3s); });
  clock_.await_sleepers(1);
  clock_.advance(2999ms);
  clock_.await_sleepers(1);
  clock_.advance(1ms);
  worker.join();
  EXPECT_TRUE(result);
  EXPECT_EQ(times_.at(1) - times_.at(0), 3s);
}

TEST_F(Retries, WakeForAStop) {
  std::stop_source stop;
  context_.stop = stop.get_token();
  core::Status result;
  std::jthread worker([&] { result = run({ErrorKind::Throttled}, 3s); });
  clock_.await_sleepers(1);
  stop.request_stop();
  worker.join();
  ASSERT_FALSE(result);
  EXPECT_EQ(attempts_, 1);
}

}  // namespace
}  // namespace http
