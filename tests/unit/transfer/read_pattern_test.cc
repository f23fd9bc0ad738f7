#include "transfer/read_pattern.h"

#include <gmock/gmock.h>

namespace {

using model::ByteRange;
using transfer::ReadPattern;

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kWindow = 64 * kMiB;
constexpr std::uint64_t kSize = 1024 * kMiB;

/// Reads `range` and follows the plan, as the reader does.
ReadPattern::Plan follow(ReadPattern& pattern, ByteRange range, std::uint64_t size = kSize) {
  const auto plan = pattern.on_read(range, size, kWindow);
  if (!plan.ahead.empty()) {
    pattern.reached(plan.stream, plan.ahead.last);
  }
  return plan;
}

TEST(ReadPattern, TheFirstReadBringsWhatWasAskedAndTheSecondBelievesIt) {
  ReadPattern pattern;
  EXPECT_TRUE(follow(pattern, {0, 128 * kKiB}).ahead.empty());
  const auto second = follow(pattern, {128 * kKiB, 256 * kKiB});
  EXPECT_EQ(second.ahead, (ByteRange{128 * kKiB, 1152 * kKiB}));
  EXPECT_EQ(second.piece_bytes, 256 * kKiB);
}

TEST(ReadPattern, AStreamThatBeginsElsewhereIsBelievedLater) {
  ReadPattern pattern;
  EXPECT_TRUE(follow(pattern, {8 * kMiB, 9 * kMiB}).ahead.empty());
  EXPECT_FALSE(follow(pattern, {9 * kMiB, 10 * kMiB}).ahead.empty());
}

TEST(ReadPattern, TheFirstReadMayComeLate) {
  ReadPattern pattern;
  EXPECT_TRUE(follow(pattern, {512 * kKiB, kMiB}).ahead.empty());
  EXPECT_EQ(follow(pattern, {0, 512 * kKiB}).ahead.last, 9 * kMiB);
}

TEST(ReadPattern, AStreamReachesItsWholeWindowAfterEightMiB) {
  ReadPattern pattern;
  std::uint64_t planned = 0;
  for (std::uint64_t at = 0; at <= 9 * kMiB; at += 128 * kKiB) {
    const auto plan = follow(pattern, {at, at + 128 * kKiB});
    if (!plan.ahead.empty()) {
      EXPECT_GE(plan.ahead.first, planned);  // nothing is planned twice
      planned = plan.ahead.last;
      EXPECT_LE(planned, at + 128 * kKiB + kWindow);
    }
  }
  EXPECT_GE(planned, 9 * kMiB + kWindow - 4 * kMiB);
  EXPECT_EQ(follow(pattern, {planned, planned + 1}).piece_bytes, 256 * kKiB);  // another stream
}

TEST(ReadPattern, TheWindowEndsWithTheObject) {
  ReadPattern pattern;
  follow(pattern, {0, 128 * kKiB}, 300 * kKiB);
  EXPECT_EQ(follow(pattern, {128 * kKiB, 256 * kKiB}, 300 * kKiB).ahead.last, 300 * kKiB);
  EXPECT_TRUE(follow(pattern, {256 * kKiB, 300 * kKiB}, 300 * kKiB).ahead.empty());
}

TEST(ReadPattern, ReorderedReadAheadIsStillOneStream) {
  ReadPattern pattern;
  std::uint64_t planned = 0;
  std::uint64_t stream = 0;
  for (const std::uint64_t n :
       std::vector<std::uint64_t>{0, 2, 1, 3, 6, 5, 4, 7, 8, 10, 9, 11, 15, 14, 13, 12}) {
    const auto plan = follow(pattern, {n * 128 * kKiB, (n + 1) * 128 * kKiB});
    stream = stream == 0 ? plan.stream : stream;
    EXPECT_EQ(plan.stream, stream) << n;
    planned = std::max(planned, plan.ahead.last);
  }
  EXPECT_GE(planned, 4 * kMiB);
}

TEST(ReadPattern, RandomReadsNeverRunAhead) {
  ReadPattern pattern;
  std::uint64_t at = 7;
  for (int i = 0; i < 1000; ++i) {
    at = (at * 6364136223846793005ULL + 1442695040888963407ULL) % (kSize - kMiB);
    const auto plan = follow(pattern, {at, at + 4096});
    ASSERT_TRUE(plan.ahead.empty() && plan.steps.empty());
  }
}

TEST(ReadPattern, RandomReadsCloseTogetherNeverRunAhead) {
  ReadPattern pattern;
  std::uint64_t at = 7;
  for (int i = 0; i < 200; ++i) {
    at = at * 6364136223846793005ULL + 1442695040888963407ULL;
    const std::uint64_t first = 100 * kMiB + (at >> 33U) % (800 * kKiB);
    const auto plan = follow(pattern, {first, first + 4096});
    ASSERT_TRUE(plan.ahead.empty() && plan.steps.empty());
  }
}

TEST(ReadPattern, BackwardReadsRunAheadBackwards) {
  ReadPattern pattern;
  std::uint64_t lowest = 0;
  std::uint64_t stream = 0;
  for (std::uint64_t n = 100; n > 0; --n) {
    const auto plan = follow(pattern, {n * 128 * kKiB, (n + 1) * 128 * kKiB});
    ASSERT_TRUE(plan.ahead.empty());
    for (const ByteRange& range : plan.steps) {
      EXPECT_EQ(range.last, lowest == 0 ? n * 128 * kKiB : lowest);
      lowest = range.first;
    }
    if (n == 97) {  // the third step
      EXPECT_EQ(lowest, (97 * 128 - 768) * kKiB);
      EXPECT_TRUE(plan.sequential);
      stream = plan.stream;
    }
  }
  EXPECT_EQ(lowest, 0);
  EXPECT_THAT(follow(pattern, {90 * kMiB, 91 * kMiB}).abandoned, testing::Contains(stream));
}

TEST(ReadPattern, StepsHaveToBeEarnedBackAfterAFailure) {
  ReadPattern pattern;
  const auto at = [](std::uint64_t n) { return ByteRange{n * kMiB, n * kMiB + 64 * kKiB}; };
  for (std::uint64_t n = 0; n < 3; ++n) {
    EXPECT_THAT(follow(pattern, at(n)).steps, testing::IsEmpty());
  }
  const auto plan = follow(pattern, at(3));
  EXPECT_THAT(plan.steps, testing::SizeIs(6));
  pattern.failed(plan.stream);
  for (std::uint64_t n = 4; n < 7; ++n) {
    EXPECT_THAT(follow(pattern, at(n)).steps, testing::IsEmpty());
  }
}

TEST(ReadPattern, AStreamInReorderedReadsTakesNoSteps) {
  ReadPattern pattern;
  for (const std::uint64_t n : std::vector<std::uint64_t>{0, 1, 2, 3, 4, 10, 9, 8, 7, 6, 5}) {
    EXPECT_THAT(follow(pattern, {n * 128 * kKiB, (n + 1) * 128 * kKiB}).steps, testing::IsEmpty());
  }
}

TEST(ReadPattern, BigRandomReadsThatTheKernelSplitAreFoundOut) {
  // 2 MiB reads in requests of 128 KiB at scattered places.
  ReadPattern pattern;
  std::uint64_t extra = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    const std::uint64_t at = (i * 37 % 101 + 1) * 8 * kMiB;
    std::uint64_t reached = at;
    for (std::uint64_t n = 0; n < 16; ++n) {
      const auto plan = follow(pattern, {at + n * 128 * kKiB, at + (n + 1) * 128 * kKiB});
      reached = std::max(reached, plan.ahead.last);
    }
    if (i >= 8) {
      extra += reached > at + 2 * kMiB ? reached - at - 2 * kMiB : 0;
    }
  }
  EXPECT_EQ(extra, 0);
}

TEST(ReadPattern, InterleavedStreamsEachHaveTheirWindow) {
  ReadPattern pattern;
  std::uint64_t reached[3] = {};
  for (std::uint64_t n = 0; n < 40; ++n) {
    for (std::uint64_t s = 0; s < 3; ++s) {
      const std::uint64_t at = s * 200 * kMiB + n * 128 * kKiB;
      reached[s] = std::max(reached[s], follow(pattern, {at, at + 128 * kKiB}).ahead.last);
    }
  }
  for (std::uint64_t s = 0; s < 3; ++s) {
    EXPECT_GT(reached[s], s * 200 * kMiB + 15 * kMiB);
  }
}

TEST(ReadPattern, AStreamGivenUpIsNamedOnceItHadRunAhead) {
  ReadPattern pattern;
  const auto stream = follow(pattern, {0, 128 * kKiB}).stream;
  follow(pattern, {128 * kKiB, 256 * kKiB});
  std::vector<std::uint64_t> abandoned;
  for (std::uint64_t n = 1; n <= 8; ++n) {
    const auto plan = follow(pattern, {n * 50 * kMiB, n * 50 * kMiB + 4096});
    abandoned.insert(abandoned.end(), plan.abandoned.begin(), plan.abandoned.end());
  }
  EXPECT_THAT(abandoned, testing::ElementsAre(stream));
}

TEST(ReadPattern, AFailureHasToBeEarnedBack) {
  ReadPattern pattern;
  follow(pattern, {0, 128 * kKiB});
  const auto plan = follow(pattern, {128 * kKiB, 256 * kKiB});
  pattern.failed(plan.stream);
  EXPECT_TRUE(follow(pattern, {256 * kKiB, 384 * kKiB}).ahead.empty());
  EXPECT_TRUE(follow(pattern, {384 * kKiB, 512 * kKiB}).ahead.empty());
  EXPECT_FALSE(follow(pattern, {512 * kKiB, 640 * kKiB}).ahead.empty());
}

TEST(ReadPattern, ANarrowShareNarrowsTheWindow) {
  ReadPattern pattern;
  std::uint64_t planned = 0;
  for (std::uint64_t at = 0; at < 32 * kMiB; at += 128 * kKiB) {
    const auto plan = pattern.on_read({at, at + 128 * kKiB}, kSize, 2 * kMiB);
    planned = std::max(planned, plan.ahead.last);
    pattern.reached(plan.stream, plan.ahead.last);
    ASSERT_LE(planned, at + 128 * kKiB + 2 * kMiB);
  }
  EXPECT_GT(planned, 32 * kMiB);
}

}  // namespace
