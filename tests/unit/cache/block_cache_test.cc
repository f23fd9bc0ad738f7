#include "cache/block_cache.h"

#include <gmock/gmock.h>

#include <random>

#include "core/digest.h"
#include "support/results.h"

namespace {

using cache::BlockCache;
using cache::Fill;
using cache::kBlockBytes;
using cache::kUnitBytes;
using cache::Slices;
using cache::VersionBlocks;
using core::ErrorKind;
using model::ByteRange;
using test::FailsWith;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kMiB = 1 << 20;

model::ObjectVersion version(std::string key, std::uint64_t size, std::string_view etag = "E1") {
  model::ObjectVersion v;
  v.key = model::ObjectKey(std::move(key));
  v.etag = model::ETag(etag);
  v.size = size;
  return v;
}

/// The byte at each offset, so that a misplaced byte shows.
std::string pattern(ByteRange range) {
  std::string text(range.size(), '\0');
  for (std::uint64_t i = 0; i < range.size(); ++i) {
    text[i] = static_cast<char>((range.first + i) * 2654435761U >> 13U);
  }
  return text;
}

std::string text_of(const Slices& slices) {
  std::string text;
  for (const core::Bytes& slice : slices) {
    text += core::as_text(slice.view());
  }
  return text;
}

core::Status bring(Fill& fill, ByteRange range) {
  return fill.append(core::as_bytes(pattern(range)));
}
void bring_all(std::vector<Fill>& fills) {
  for (Fill& fill : fills) {
    ASSERT_TRUE(bring(fill, fill.range()));
    fill.finish({});
  }
}
std::vector<ByteRange> ranges(const std::vector<Fill>& fills) {
  std::vector<ByteRange> list;
  for (const Fill& fill : fills) {
    list.push_back(fill.range());
  }
  return list;
}

/// What one question came to.
struct Answered {
  int times = 0;
  std::string text;
  std::optional<ErrorKind> error;
  bool own = false;
  VersionBlocks::Done done() {
    return [this](core::Result<Slices> result, bool own_fault) {
      ++times;
      own = own_fault;
      if (result) {
        text = text_of(*result);
      } else {
        error = result.error().kind;
      }
    };
  }
};

TEST(BlockCache, ClaimsExactlyTheMissingUnits) {
  BlockCache cache(8 * kMiB);
  const auto blocks = cache.open(version("a", 10 * kMiB));
  Answered first;
  auto asked = blocks->ask({5000, 5100}, 0, kMiB, first.done());
  EXPECT_THAT(ranges(asked.fills), ElementsAre(ByteRange{4096, 8192}));
  bring_all(asked.fills);
  EXPECT_EQ(first.text, pattern({5000, 5100}));
  EXPECT_EQ(first.times, 1);

  Answered around;
  asked = blocks->ask({0, 16384}, 0, kMiB, around.done());
  EXPECT_THAT(ranges(asked.fills), ElementsAre(ByteRange{0, 4096}, ByteRange{8192, 16384}));
  bring_all(asked.fills);
  EXPECT_EQ(around.text, pattern({0, 16384}));
  EXPECT_EQ(text_of(blocks->get({0, 16384}).value()), pattern({0, 16384}));
  EXPECT_EQ(blocks->get({0, 16385}), std::nullopt);
}

TEST(BlockCache, AnswersAsSoonAsTheLastNeededByteIsHere) {
  BlockCache cache(8 * kMiB);
  const auto blocks = cache.open(version("a", 10 * kMiB));
  Answered early;
  Answered late;
  auto asked = blocks->ask({0, 4096}, kMiB, kMiB, early.done());
  ASSERT_THAT(ranges(asked.fills), ElementsAre(ByteRange{0, kMiB}));
  auto second = blocks->ask({130'000, 140'000}, 0, kMiB, late.done());
  EXPECT_THAT(second.fills, IsEmpty());
  EXPECT_THAT(second.awaited, ElementsAre(asked.fills[0].id()));

  ASSERT_TRUE(bring(asked.fills[0], {0, 4095}));
  EXPECT_EQ(early.times, 0);
  ASSERT_TRUE(bring(asked.fills[0], {4095, 5000}));
  EXPECT_EQ(early.text, pattern({0, 4096}));
  ASSERT_TRUE(bring(asked.fills[0], {5000, 140'000}));
  EXPECT_EQ(late.times, 0);  // the unit that holds its last byte is not complete
  ASSERT_TRUE(bring(asked.fills[0], {140'000, 150'000}));
  EXPECT_EQ(late.text, pattern({130'000, 140'000}));
}

TEST(BlockCache, TheLastUnitOfAnObjectMayBeShort) {
  BlockCache cache(8 * kMiB);
  const auto blocks = cache.open(version("a", 5000));
  Answered answer;
  auto asked = blocks->ask({0, 5000}, 0, kMiB, answer.done());
  ASSERT_THAT(ranges(asked.fills), ElementsAre(ByteRange{0, 5000}));
  bring_all(asked.fills);
  EXPECT_EQ(answer.text, pattern({0, 5000}));
}

TEST(BlockCache, WhatIsReceivedWhereItBelongsIsTheSameAsWhatIsCopied) {
  BlockCache cache(8 * kMiB);
  const auto blocks = cache.open(version("a", kMiB + 100));
  Answered answer;
  auto asked = blocks->ask({4096, kMiB + 100}, 0, 4 * kMiB, answer.done());
  Fill& fill = asked.fills.at(0);
  std::uint64_t at = fill.range().first;
  for (std::size_t step = 1; at < fill.range().last; step = step * 3 % 200'003) {
    const auto room = fill.room();
    ASSERT_FALSE(room.empty());
    ASSERT_LE(at % kBlockBytes + room.size(), kBlockBytes);
    const std::size_t count = std::min(room.size(), step);
    const std::string bytes = pattern({at, at + count});
    std::copy_n(core::as_bytes(bytes).begin(), count, room.begin());
    ASSERT_TRUE(fill.append(room.first(count)));
    at += count;
  }
  EXPECT_TRUE(fill.room().empty());
  fill.finish({});
  EXPECT_EQ(answer.text, pattern({4096, kMiB + 100}));
}

TEST(BlockCache, AFailureReachesWhoNeedsTheRestAndNobodyElse) {
  BlockCache cache(8 * kMiB);
  const auto blocks = cache.open(version("a", 10 * kMiB));
  Answered own;
  Answered here;
  Answered beyond;
  auto asked = blocks->ask({0, kBlockBytes * 2}, 0, kMiB, own.done());
  blocks->ask({0, 4096}, 0, kMiB, here.done());
  blocks->ask({kBlockBytes, kBlockBytes + 1}, 0, kMiB, beyond.done());
  ASSERT_TRUE(bring(asked.fills[0], {0, 6000}));
  EXPECT_EQ(here.text, pattern({0, 4096}));
  asked.fills[0].finish(core::fail(ErrorKind::Unavailable, "reset"));
  EXPECT_EQ(own.error, ErrorKind::Unavailable);
  EXPECT_TRUE(own.own);
  EXPECT_EQ(beyond.error, ErrorKind::Unavailable);
  EXPECT_FALSE(beyond.own);

  // What came stays, the rest can be claimed again.
  Answered again;
  auto retry = blocks->ask({0, kBlockBytes * 2}, 0, kMiB, again.done());
  EXPECT_THAT(ranges(retry.fills), ElementsAre(ByteRange{4096, kBlockBytes * 2}));
  bring_all(retry.fills);
  EXPECT_EQ(again.text, pattern({0, kBlockBytes * 2}));
  EXPECT_EQ(own.times + here.times + beyond.times, 3);
}

TEST(BlockCache, ARangeThatEndsEarlyIsCorruptAndOneThatEndsLateIsRefused) {
  BlockCache cache(8 * kMiB);
  const auto blocks = cache.open(version("a", kMiB));
  Answered answer;
  auto asked = blocks->ask({0, 8192}, 0, kMiB, answer.done());
  ASSERT_TRUE(bring(asked.fills[0], {0, 8000}));
  EXPECT_THAT(bring(asked.fills[0], {8000, 8193}), FailsWith(ErrorKind::Protocol));
  asked.fills[0].finish({});
  EXPECT_EQ(answer.error, ErrorKind::Corrupt);
}

TEST(BlockCache, AnAbandonedWaiterIsNotAnsweredAndNamesTheClaimsNobodyWaitsFor) {
  BlockCache cache(8 * kMiB);
  const auto blocks = cache.open(version("a", kMiB));
  Answered first;
  Answered second;
  auto asked = blocks->ask({0, 8192}, 0, kMiB, first.done());
  auto other = blocks->ask({4096, 5000}, 0, kMiB, second.done());
  EXPECT_THAT(blocks->abandon(asked.waiter), IsEmpty());
  EXPECT_THAT(blocks->abandon(other.waiter), ElementsAre(asked.fills[0].id()));
  bring_all(asked.fills);
  EXPECT_EQ(first.times + second.times, 0);
}

TEST(BlockCache, ADroppedFillFailsItsWaiters) {
  BlockCache cache(8 * kMiB);
  const auto blocks = cache.open(version("a", kMiB));
  Answered answer;
  { const auto asked = blocks->ask({0, 8192}, 0, kMiB, answer.done()); }
  EXPECT_EQ(answer.error, ErrorKind::Cancelled);
}

TEST(BlockCache, PiecesAndRunsOfAClaimAhead) {
  BlockCache cache(64 * kMiB);
  const auto blocks = cache.open(version("a", 5 * kMiB + 100));
  Answered answer;
  auto asked = blocks->ask({2 * kMiB, 2 * kMiB + 4096}, 0, kMiB, answer.done());
  const auto ahead = blocks->claim_ahead({0, 5 * kMiB + 100}, 2 * kMiB);
  EXPECT_THAT(ranges(ahead.fills),
              ElementsAre(ByteRange{0, 2 * kMiB}, ByteRange{2 * kMiB + 4096, 4 * kMiB + 4096},
                          ByteRange{4 * kMiB + 4096, 5 * kMiB + 100}));
  EXPECT_EQ(ahead.reached, 5 * kMiB + 100);
  EXPECT_THAT(blocks->claim_ahead({0, 5 * kMiB}, kMiB).fills, IsEmpty());
}

TEST(BlockCache, ClaimsAheadStopAtTheBudgetAndLeaveRoomForWhoWaits) {
  BlockCache cache(2 * kMiB);
  const auto blocks = cache.open(version("a", 64 * kMiB));
  auto ahead = blocks->claim_ahead({0, 8 * kMiB}, kMiB);
  EXPECT_EQ(ahead.reached, 2 * kMiB * 7 / 8);
  EXPECT_LE(cache.held_bytes(), 2 * kMiB * 7 / 8);
  Answered answer;
  auto asked = blocks->ask({32 * kMiB, 32 * kMiB + 2 * kBlockBytes}, 0, kMiB, answer.done());
  EXPECT_LE(cache.held_bytes(), 2 * kMiB);
  bring_all(asked.fills);
  EXPECT_EQ(answer.text, pattern({32 * kMiB, 32 * kMiB + 2 * kBlockBytes}));
}

TEST(BlockCache, StaysWithinItsBudgetAndRecyclesWhatWasRead) {
  BlockCache cache(2 * kMiB);
  const auto blocks = cache.open(version("a", 64 * kMiB));
  for (std::uint64_t at = 0; at < 16 * kMiB; at += kBlockBytes) {
    Answered answer;
    auto asked = blocks->ask({at, at + kBlockBytes}, 0, kMiB, answer.done());
    bring_all(asked.fills);
    ASSERT_EQ(answer.text, pattern({at, at + kBlockBytes}));
    ASSERT_LE(cache.held_bytes(), 2 * kMiB);
  }
  EXPECT_EQ(blocks->get({0, 1}), std::nullopt);
  EXPECT_NE(blocks->get({16 * kMiB - 1, 16 * kMiB}), std::nullopt);
}

TEST(BlockCache, AStreamTakesNoMoreFreshMemoryThanASixthOfTheBudget) {
  BlockCache cache(48 * kMiB);
  const auto blocks = cache.open(version("a", 64 * kMiB));
  for (std::uint64_t at = 0; at < 64 * kMiB; at += kBlockBytes) {
    Answered answer;
    auto asked = blocks->ask({at, at + kBlockBytes}, 0, kMiB, answer.done());
    bring_all(asked.fills);
    ASSERT_LE(cache.held_bytes(), 10 * kMiB);  // and what is left of the last 2 MiB taken
  }
}

TEST(BlockCache, AStreamDoesNotPushOutWhatIsReadAgainAndAgain) {
  BlockCache cache(2 * kMiB);
  const auto hot = cache.open(version("index", kBlockBytes));
  const auto stream = cache.open(version("stream", 64 * kMiB));
  Answered warm;
  auto asked = hot->ask({0, kBlockBytes}, 0, kMiB, warm.done());
  bring_all(asked.fills);
  ASSERT_TRUE(hot->get({0, 100}));
  for (std::uint64_t at = 0; at < 32 * kMiB; at += kBlockBytes) {
    Answered answer;
    auto next = stream->ask({at, at + kBlockBytes}, 0, kMiB, answer.done());
    bring_all(next.fills);
  }
  EXPECT_TRUE(hot->get({0, kBlockBytes}));
}

TEST(BlockCache, PrefetchedBlocksOutliveReadOnes) {
  BlockCache cache(2 * kMiB);
  const auto blocks = cache.open(version("a", 64 * kMiB));
  auto ahead = blocks->claim_ahead({0, kMiB}, kMiB);
  bring_all(ahead.fills);
  for (std::uint64_t at = 32 * kMiB; at < 48 * kMiB; at += kBlockBytes) {
    Answered answer;
    auto asked = blocks->ask({at, at + kBlockBytes}, 0, kMiB, answer.done());
    bring_all(asked.fills);
  }
  EXPECT_TRUE(blocks->get({0, kMiB}));
}

TEST(BlockCache, SlicesKeepTheirBytesPastEvictionAndTheCacheItself) {
  Slices kept;
  {
    BlockCache cache(kMiB);
    const auto blocks = cache.open(version("a", 64 * kMiB));
    Answered answer;
    auto asked = blocks->ask({0, 5000}, 0, kMiB, answer.done());
    bring_all(asked.fills);
    kept = blocks->get({0, 5000}).value();
    for (std::uint64_t at = kMiB; at < 8 * kMiB; at += kBlockBytes) {
      Answered other;
      auto next = blocks->ask({at, at + 1}, 0, kMiB, other.done());
      bring_all(next.fills);
    }
    EXPECT_TRUE(blocks->get({0, 5000}));  // pinned: evicting it would free nothing
  }
  EXPECT_EQ(text_of(kept), pattern({0, 5000}));
}

TEST(BlockCache, HandlesOfOneVersionShareAndVersionsDoNotMix) {
  BlockCache cache(8 * kMiB);
  Answered answer;
  {
    const auto first = cache.open(version("a", kMiB));
    auto asked = first->ask({0, 4096}, 0, kMiB, answer.done());
    bring_all(asked.fills);
  }
  EXPECT_TRUE(cache.open(version("a", kMiB))->get({0, 4096}));
  EXPECT_FALSE(cache.open(version("a", kMiB, "E2"))->get({0, 4096}));
}

TEST(BlockCache, ForgettingAKeyDropsItsBlocks) {
  BlockCache cache(8 * kMiB);
  Answered answer;
  auto reader = cache.open(version("a", kMiB));
  auto asked = reader->ask({0, 4096}, 0, kMiB, answer.done());
  auto other = cache.open(version("b", kMiB));
  auto ahead = reader->claim_ahead({kBlockBytes, kBlockBytes + 1}, kMiB);
  bring_all(asked.fills);
  cache.forget(model::ObjectKey("a"));
  EXPECT_FALSE(cache.open(version("a", kMiB))->get({0, 4096}));
  EXPECT_TRUE(reader->get({0, 4096}));
  reader.reset();
  EXPECT_EQ(cache.held_bytes(), kBlockBytes);  // the claim that is still open
  bring_all(ahead.fills);
  EXPECT_EQ(cache.held_bytes(), 0);
}

// Property: whatever was asked, brought and failed before, an answer holds the object's bytes.
TEST(BlockCache, RandomQuestionsAreAnsweredWithTheObjectsBytes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const std::uint64_t size = 3 * kMiB + 777;
  BlockCache cache(kMiB);
  const auto blocks = cache.open(version("a", size));
  std::vector<Fill> open;
  std::vector<std::pair<ByteRange, std::unique_ptr<Answered>>> questions;
  for (int i = 0; i < 600; ++i) {
    const std::uint64_t first = random() % size;
    const ByteRange range{first, std::min(size, first + 1 + random() % 300'000)};
    auto answer = std::make_unique<Answered>();
    auto asked =
        blocks->ask(range, random() % 2 == 0 ? range.last + kMiB : 0, 256 * 1024, answer->done());
    questions.emplace_back(range, std::move(answer));
    for (Fill& fill : asked.fills) {
      open.push_back(std::move(fill));
    }
    while (open.size() > random() % 4) {
      Fill fill = std::move(open.back());
      open.pop_back();
      const ByteRange all = fill.range();
      const std::uint64_t part = random() % 8 == 0 ? random() % all.size() : all.size();
      ASSERT_TRUE(bring(fill, {all.first, all.first + part}));
      fill.finish(part == all.size() ? core::Status{} : core::fail(ErrorKind::Unavailable, "x"));
    }
  }
  open.clear();
  std::size_t good = 0;
  for (const auto& [range, answer] : questions) {
    ASSERT_EQ(answer->times, 1);
    if (!answer->error) {
      ++good;
      ASSERT_EQ(answer->text, pattern(range));
    }
  }
  EXPECT_GT(good, 300U);
}

}  // namespace
