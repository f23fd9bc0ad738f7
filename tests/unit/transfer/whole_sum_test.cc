#include "transfer/whole_sum.h"

#include <gtest/gtest.h>

#include <string>

#include "core/digest.h"

namespace transfer {
namespace {

using Verdict = WholeSum::Verdict;

class WholeSumTest : public ::testing::Test {
 protected:
  Verdict add(std::uint64_t first, std::uint64_t last) {
    return sum_.add({first, last}, sum_of(std::string_view(text_).substr(first, last - first)),
                    sum_of(text_));
  }
  static std::uint64_t sum_of(std::string_view text) { return core::crc64(core::as_bytes(text)); }

  const std::string text_ = "the quick brown fox jumps over the lazy dog";
  int damages_ = 0;
  WholeSum sum_{text_.size(), [this] { ++damages_; }};
};

TEST_F(WholeSumTest, IsRightWhateverTheOrder) {
  EXPECT_EQ(add(20, 30), Verdict::Incomplete);
  EXPECT_EQ(add(0, 10), Verdict::Incomplete);
  EXPECT_EQ(add(30, text_.size()), Verdict::Incomplete);
  EXPECT_EQ(add(10, 20), Verdict::Right);
  EXPECT_EQ(damages_, 0);
}

TEST_F(WholeSumTest, OfWhatComesTwiceTheLastCounts) {
  EXPECT_EQ(add(0, 20), Verdict::Incomplete);
  EXPECT_EQ(add(10, 30), Verdict::Incomplete);
  EXPECT_EQ(add(0, 20), Verdict::Incomplete);
  EXPECT_EQ(add(20, text_.size()), Verdict::Right);
}

TEST_F(WholeSumTest, ASecondReadIsJudgedLikeTheFirst) {
  EXPECT_EQ(add(0, 20), Verdict::Incomplete);
  EXPECT_EQ(add(20, text_.size()), Verdict::Right);
  EXPECT_EQ(add(0, 20), Verdict::Incomplete);
  EXPECT_EQ(sum_.add({20, text_.size()}, 1, sum_of(text_)), Verdict::Damaged);
}

TEST_F(WholeSumTest, DamageIsToldOnceAndStays) {
  EXPECT_EQ(sum_.add({0, 20}, 1, sum_of(text_)), Verdict::Incomplete);
  EXPECT_FALSE(sum_.damaged());
  EXPECT_EQ(add(20, text_.size()), Verdict::Damaged);
  EXPECT_TRUE(sum_.damaged());
  EXPECT_EQ(add(0, 20), Verdict::Damaged);
  sum_.condemn();
  EXPECT_EQ(damages_, 1);
}

TEST(WholeSum, BearsWhoReadsHereAndThere) {
  WholeSum sum(10'000, [] {});
  for (std::uint64_t at = 0; at < 10'000; at += 2) {
    EXPECT_EQ(sum.add({at, at + 1}, 0, 0), Verdict::Incomplete);
  }
  for (std::uint64_t at = 1; at < 10'000; at += 2) {
    EXPECT_EQ(sum.add({at, at + 1}, 0, 0), Verdict::Incomplete);
  }
}

}  // namespace
}  // namespace transfer
