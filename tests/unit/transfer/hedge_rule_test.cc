#include "transfer/hedge_rule.h"

#include <gmock/gmock.h>

namespace {

using namespace std::chrono_literals;
using transfer::HedgeRule;

void answer(HedgeRule& rule, int count, core::Duration first_byte) {
  for (int i = 0; i < count; ++i) {
    rule.answered(first_byte);
  }
}

int take_all(HedgeRule& rule) {
  int taken = 0;
  while (rule.take()) {
    ++taken;
  }
  return taken;
}

TEST(HedgeRule, WaitsASecondUntilItKnowsTheNetwork) {
  HedgeRule rule;
  answer(rule, 15, 20ms);
  EXPECT_EQ(rule.patience(), 1s);
  answer(rule, 1, 20ms);
  EXPECT_EQ(rule.patience(), 200ms);
}

TEST(HedgeRule, LateIsThreeTimesWhatNearlyAllTake) {
  HedgeRule rule;
  for (int i = 1; i <= 100; ++i) {
    rule.answered(i * 10ms);
  }
  EXPECT_NEAR(static_cast<double>(rule.patience() / 1ms), 3 * 920, 60);
}

TEST(HedgeRule, AFewLateOnesChangeNothing) {
  HedgeRule rule;
  for (int i = 0; i < 128; ++i) {
    rule.answered(i % 32 == 0 ? core::Duration(30s) : core::Duration(100ms));
  }
  EXPECT_EQ(rule.patience(), 300ms);
}

TEST(HedgeRule, ForgetsWhatTheNetworkWas) {
  HedgeRule rule;
  answer(rule, 500, 2s);
  EXPECT_EQ(rule.patience(), 6s);
  answer(rule, 128, 50ms);
  EXPECT_EQ(rule.patience(), 200ms);
}

TEST(HedgeRule, SendsOneForTwentyAndKeepsAFew) {
  HedgeRule rule;
  EXPECT_EQ(take_all(rule), 4);
  for (int i = 0; i < 19; ++i) {
    rule.sent();
  }
  EXPECT_FALSE(rule.take());
  rule.sent();
  EXPECT_TRUE(rule.take());
  EXPECT_FALSE(rule.take());
  for (int i = 0; i < 1000; ++i) {
    rule.sent();
  }
  EXPECT_EQ(take_all(rule), 4);
}

}  // namespace
