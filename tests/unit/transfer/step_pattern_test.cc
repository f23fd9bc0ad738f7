#include "transfer/step_pattern.h"

#include <gmock/gmock.h>

namespace {

using model::ByteRange;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using transfer::StepPattern;

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kSize = 1024 * kMiB;
constexpr std::uint64_t kWindow = 64 * kMiB;

std::vector<ByteRange> read(StepPattern& pattern, std::uint64_t first, std::uint64_t length,
                            std::uint64_t size = kSize) {
  pattern.on_read({first, first + length});
  return pattern.ahead(size, kWindow);
}

TEST(StepPattern, ThreeEqualStepsMakeAPattern) {
  StepPattern pattern;
  EXPECT_THAT(read(pattern, 5 * kMiB, 4096), IsEmpty());
  EXPECT_THAT(read(pattern, 6 * kMiB, 4096), IsEmpty());
  EXPECT_THAT(read(pattern, 7 * kMiB, 4096), IsEmpty());
  const auto ahead = read(pattern, 8 * kMiB, 4096);
  ASSERT_THAT(ahead, SizeIs(6));  // twice what was read
  EXPECT_EQ(ahead.front(), (ByteRange{9 * kMiB, 9 * kMiB + 4096}));
  EXPECT_EQ(ahead.back(), (ByteRange{14 * kMiB, 14 * kMiB + 4096}));
  // The next step, and two more are earned.
  EXPECT_THAT(read(pattern, 9 * kMiB, 4096), ElementsAre(ByteRange{15 * kMiB, 15 * kMiB + 4096},
                                                         ByteRange{16 * kMiB, 16 * kMiB + 4096},
                                                         ByteRange{17 * kMiB, 17 * kMiB + 4096}));
}

TEST(StepPattern, AnotherLengthOrDistanceIsNone) {
  StepPattern pattern;
  for (std::uint64_t n = 0; n < 20; ++n) {
    EXPECT_THAT(read(pattern, n * kMiB, n % 3 == 0 ? 8192 : 4096), IsEmpty());
    EXPECT_THAT(read(pattern, (500 - n * n) * kMiB, 4096), IsEmpty());
  }
}

TEST(StepPattern, WhatFollowsOrOverlapsForwardsIsNone) {
  for (const std::uint64_t step : {128 * kKiB, 64 * kKiB}) {
    StepPattern pattern;
    for (std::uint64_t n = 0; n < 20; ++n) {
      EXPECT_THAT(read(pattern, n * step, 128 * kKiB), IsEmpty());
    }
  }
}

TEST(StepPattern, NeverMoreThanItsWindowNorThanThereAreConnections) {
  StepPattern small;
  StepPattern big;
  std::uint64_t most_small = 0;
  std::uint64_t most_big = 0;
  for (std::uint64_t n = 0; n < 200; ++n) {
    for (const ByteRange& range : read(small, n * kMiB, 4096)) {
      most_small = std::max(most_small, range.first / kMiB - n);
    }
    for (const ByteRange& range : read(big, n * 4 * kMiB, 2 * kMiB)) {
      most_big = std::max(most_big, range.first / (4 * kMiB) - n);
    }
  }
  EXPECT_EQ(most_small, 64);
  EXPECT_EQ(most_big, 32);  // 64 MiB
}

TEST(StepPattern, BackwardsWithoutAGapItGoesInWholePieces) {
  StepPattern pattern;
  std::uint64_t lowest = 10 * kMiB;
  for (std::uint64_t at = 10 * kMiB; at > 0;) {
    at -= 8 * kKiB;
    for (const ByteRange& range : read(pattern, at, 8 * kKiB)) {
      EXPECT_EQ(range.size(), 256 * kKiB);
      EXPECT_TRUE(lowest == 10 * kMiB || range.last == lowest);
      lowest = range.first;
      if (lowest < 256 * kKiB) {
        return;  // the last one is shorter
      }
    }
  }
}

TEST(StepPattern, EndsWithTheObject) {
  StepPattern forward;
  StepPattern backward;
  std::vector<ByteRange> last;
  for (std::uint64_t n = 0; n < 10; ++n) {
    for (const ByteRange& range : read(forward, n * kMiB, 64 * kKiB, 10 * kMiB + 1000)) {
      EXPECT_LE(range.last, 10 * kMiB + 1000);
    }
    for (const ByteRange& range : read(backward, (9 - n) * kMiB, kMiB, 10 * kMiB)) {
      EXPECT_EQ(range.size(), kMiB);
    }
  }
  EXPECT_THAT(forward.ahead(10 * kMiB + 1000, kWindow), IsEmpty());
}

TEST(StepPattern, SaysWhenAPatternEndsOfWhichSomethingIsReadAhead) {
  StepPattern pattern;
  EXPECT_FALSE(pattern.on_read({0, 4096}));
  EXPECT_FALSE(pattern.on_read({50 * kMiB, 50 * kMiB + 4096}));
  EXPECT_FALSE(pattern.on_read({0, 4096}));
  for (std::uint64_t n = 0; n < 8; ++n) {
    EXPECT_FALSE(pattern.on_read({n * kMiB, n * kMiB + 4096}));
    pattern.ahead(kSize, kWindow);
  }
  EXPECT_TRUE(pattern.on_read({500 * kMiB, 500 * kMiB + 4096}));
  EXPECT_FALSE(pattern.on_read({700 * kMiB, 700 * kMiB + 4096}));
}

}  // namespace
