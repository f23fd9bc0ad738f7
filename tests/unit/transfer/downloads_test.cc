#include "transfer/downloads.h"

#include <gmock/gmock.h>

#include <random>
#include <thread>

#include "core/digest.h"
#include "transfer/request_rate.h"
#include "unit/transfer/downloads_fixture.h"

namespace {

using core::ErrorKind;
using model::ByteRange;
using test::Answer;
using test::DownloadsTest;
using test::kKiB;
using test::kMiB;
using test::noise;
using test::Op;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
using transfer::Downloads;
using transfer::Reader;

TEST_F(DownloadsTest, ASingleReadFetchesWhatItNeedsInWholeUnits) {
  const std::string content = noise(10 * kMiB);
  store_.set("a", content);
  downloads();
  const auto reader = open("a");
  EXPECT_EQ(read(*reader, 5'000'000, 100).text(), content.substr(5'000'000, 100));
  EXPECT_THAT(ranges(), ElementsAre(ByteRange{4'997'120, 5'001'216}));
  // Again, and within the same unit: no request.
  EXPECT_EQ(read(*reader, 5'000'500, 10).text(), content.substr(5'000'500, 10));
  EXPECT_EQ(store_.count(Op::Read), 1);
  EXPECT_EQ(metric("transfer.reads_from_memory"), 1);
  EXPECT_EQ(metric("transfer.reads_waited"), 1);
}

TEST_F(DownloadsTest, ReadsEndWithTheObject) {
  store_.set("a", "hello");
  store_.set("empty", "");
  downloads();
  const auto reader = open("a");
  EXPECT_EQ(read(*reader, 0, 100).text(), "hello");
  EXPECT_EQ(read(*reader, 3, 100).text(), "lo");
  EXPECT_EQ(read(*reader, 5, 100).text(), "");
  EXPECT_EQ(read(*reader, 1000, 100).text(), "");
  EXPECT_EQ(read(*open("empty"), 0, 100).text(), "");
  EXPECT_THAT(ranges(), ElementsAre(ByteRange{0, 5}));
}

TEST_F(DownloadsTest, ABigQuestionFetchesNoMoreThanItAsks) {
  const std::string content = noise(20 * kMiB);
  store_.set("a", content);
  downloads();
  EXPECT_EQ(read(*open("a"), 3 * kMiB, 5 * kMiB).text(), content.substr(3 * kMiB, 5 * kMiB));
  EXPECT_EQ(store_.bytes_read(), 5 * kMiB);
  EXPECT_EQ(store_.count(Op::Read), 20);  // side by side
}

TEST_F(DownloadsTest, RandomReadsFetchHardlyMoreThanTheyAsk) {
  const std::string content = noise(64 * kMiB);
  store_.set("a", content);
  downloads();
  const auto reader = open("a");
  std::mt19937_64 random(5);
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t at = random() % (63 * kMiB);
    ASSERT_EQ(read(*reader, at, 4096).text(), content.substr(at, 4096));
  }
  EXPECT_LE(store_.bytes_read(), 100 * 8192);
}

TEST_F(DownloadsTest, ASequentialReaderFetchesEveryByteOnceInFewRequests) {
  const std::string content = noise(40 * kMiB + 12345);
  store_.set("a", content);
  downloads();
  const auto reader = open("a");
  std::string all;
  while (all.size() < content.size()) {
    all += read(*reader, all.size(), 128 * kKiB).text();
  }
  EXPECT_TRUE(all == content);
  EXPECT_EQ(store_.bytes_read(), content.size());
  EXPECT_LE(store_.count(Op::Read), 72);  // small ones at first
  EXPECT_GT(metric("transfer.bytes_prefetched"), std::int64_t{38 * kMiB});
}

TEST_F(DownloadsTest, AReadIsAnsweredBeforeItsRequestIsComplete) {
  const std::string content = noise(8 * kMiB);
  store_.set("a", content);
  downloads();
  const auto reader = open("a");
  read(*reader, 0, 128 * kKiB).wait();
  test::Rule rule;
  rule.op = Op::Read;
  rule.offset = 128 * kKiB;
  rule.after_bytes = 192 * kKiB;
  auto held = store_.hold(rule);
  // This request goes on for 256 KiB, and stops after 192.
  EXPECT_EQ(read(*reader, 128 * kKiB, 128 * kKiB).text(), content.substr(128 * kKiB, 128 * kKiB));
  held.await(1);
  const Answer later = read(*reader, 256 * kKiB, 128 * kKiB);
  EXPECT_EQ(later.times(), 0);
  held.release();
  EXPECT_EQ(later.text(), content.substr(256 * kKiB, 128 * kKiB));
}

TEST_F(DownloadsTest, WaitersOfOneRangeShareOneRequest) {
  const std::string content = noise(kMiB);
  store_.set("a", content);
  downloads();
  const auto one = open("a");
  const auto two = open("a");
  test::Rule rule;
  rule.op = Op::Read;
  auto held = store_.hold(rule);
  const Answer first = read(*one, 0, 4096);
  held.await(1);
  const Answer second = read(*two, 100, 200);
  EXPECT_EQ(first.times() + second.times(), 0);
  held.release();
  EXPECT_EQ(first.text(), content.substr(0, 4096));
  EXPECT_EQ(second.text(), content.substr(100, 200));
  EXPECT_EQ(store_.count(Op::Read), 1);
}

TEST_F(DownloadsTest, WhoWaitsGoesBeforeWhoRunsAhead) {
  store_.set("a", noise(32 * kMiB));
  store_.set("b", noise(kMiB, 2));
  transfer::DownloadOptions options;
  options.connections = 2;  // one of them never runs ahead
  downloads(options);
  const auto stream = open("a");
  test::Rule rule;
  rule.op = Op::Read;
  rule.offset = 384 * kKiB;  // the first that runs ahead
  auto held = store_.hold(rule);
  read(*stream, 0, 128 * kKiB).wait();
  read(*stream, 128 * kKiB, 128 * kKiB).wait();
  held.await(1);
  const auto other = open("b");
  EXPECT_EQ(read(*other, 0, 4096).text(), noise(kMiB, 2).substr(0, 4096));
}

TEST_F(DownloadsTest, AFailureInTheMiddleIsToldToWhoNeedsTheRest) {
  const std::string content = noise(8 * kMiB);
  store_.set("a", content);
  downloads();
  const auto reader = open("a");
  test::Rule rule;
  rule.op = Op::Read;
  rule.after_bytes = 64 * kKiB;
  store_.fail(rule, core::fail(ErrorKind::Unavailable, "connection reset"));
  const Answer failed = read(*reader, 0, 128 * kKiB);
  EXPECT_EQ(failed.error(), ErrorKind::Unavailable);
  EXPECT_THAT(failed.message(), HasSubstr("of a: connection reset"));
  // The pages of it that the kernel asks for again at once share its fate; those beyond do not.
  EXPECT_EQ(read(*reader, 64 * kKiB, 4096).error(), ErrorKind::Unavailable);
  EXPECT_EQ(store_.calls(Op::Read).size(), 1U);
  EXPECT_EQ(read(*reader, kMiB, 4096).text(), content.substr(kMiB, 4096));
  clock_.advance(std::chrono::milliseconds{250});
  // What came is kept; the next try brings the rest.
  EXPECT_EQ(read(*reader, 0, 128 * kKiB).text(), content.substr(0, 128 * kKiB));
  EXPECT_EQ(store_.bytes_read(), 132 * kKiB);
}

TEST_F(DownloadsTest, AReadThatMeetsAFailedPrefetchAsksAgainItself) {
  const std::string content = noise(8 * kMiB);
  store_.set("a", content);
  downloads();
  const auto reader = open("a");
  read(*reader, 0, 128 * kKiB).wait();
  test::Rule ahead;
  ahead.op = Op::Read;
  ahead.offset = 384 * kKiB;
  auto held = store_.hold(ahead);
  store_.fail(ahead, core::fail(ErrorKind::Unavailable, "connection reset"));
  read(*reader, 128 * kKiB, 128 * kKiB).wait();  // runs ahead to 768 KiB in two pieces
  held.await(1);
  const Answer answer = read(*reader, 384 * kKiB, 128 * kKiB);
  held.release();
  EXPECT_EQ(answer.text(), content.substr(384 * kKiB, 128 * kKiB));
}

TEST_F(DownloadsTest, AReplacedObjectIsChanged) {
  const std::string content = noise(kMiB);
  store_.set("a", content);
  downloads();
  const auto reader = open("a");
  read(*reader, 0, 4096).wait();
  store_.set("a", noise(kMiB, 2));
  EXPECT_EQ(read(*reader, 8192, 4096).error(), ErrorKind::Changed);
  EXPECT_EQ(read(*reader, 0, 4096).text(), content.substr(0, 4096));  // of the version it opened
  EXPECT_EQ(read(*open("a"), 0, 4096).text(), noise(kMiB, 2).substr(0, 4096));
}

TEST_F(DownloadsTest, WhoReadsAllOfADamagedObjectIsToldBeforeItsEnd) {
  const std::string content = noise(3 * kMiB);
  store_.set("a", content);
  downloads();
  const auto read_all = [&](Reader& reader) {
    std::optional<ErrorKind> error;
    for (std::uint64_t at = 0; at < content.size() && !error; at += 128 * kKiB) {
      error = read(reader, at, 128 * kKiB).error();
    }
    return error;
  };
  const auto damaged = open("a");
  test::Rule rule;
  rule.op = Op::Read;
  rule.offset = 384 * kKiB;  // in the middle, of a piece that runs ahead
  store_.corrupt(rule);
  EXPECT_EQ(read_all(*damaged), ErrorKind::Corrupt);
  EXPECT_EQ(metric("transfer.objects_damaged"), 1);
  clock_.advance(std::chrono::seconds{1});
  EXPECT_EQ(read_all(*damaged), ErrorKind::Corrupt) << "what it read stays wrong";
  const auto again = open("a");
  EXPECT_EQ(read_all(*again), std::nullopt);
  EXPECT_EQ(metric("transfer.objects_verified"), 1);
}

TEST_F(DownloadsTest, WhatIsReadInPartAndDamagedIsFoundOutByWhoReadsTheRest) {
  const std::string content = noise(kMiB);
  store_.set("a", content);
  downloads();
  test::Rule rule;
  rule.op = Op::Read;
  store_.corrupt(rule);
  EXPECT_NE(read(*open("a"), 512 * kKiB, 128 * kKiB).text(), content.substr(512 * kKiB, 128 * kKiB))
      << "a part alone cannot be judged";
  const auto read_all = [&] {
    const auto reader = open("a");
    std::optional<ErrorKind> error;
    for (std::uint64_t at = 0; at < content.size() && !error; at += 128 * kKiB) {
      error = read(*reader, at, 128 * kKiB).error();
    }
    return error;
  };
  EXPECT_EQ(read_all(), ErrorKind::Corrupt);
  EXPECT_EQ(read_all(), std::nullopt);
}

TEST_F(DownloadsTest, AReaderThatWaitsTimesOutAtItsDeadlineAndFreesTheConnection) {
  store_.set("a", noise(kMiB));
  transfer::DownloadOptions options;
  options.connections = 1;
  downloads(options);
  const auto reader = open("a");
  test::Rule rule;
  rule.op = Op::Read;
  auto held = store_.hold(rule);
  core::OpContext context;
  context.deadline = clock_.steady_now() + std::chrono::seconds{5};
  const Answer late = read(*reader, 0, 4096, context);
  held.await(1);
  core::OpContext queued;
  queued.deadline = clock_.steady_now() + std::chrono::seconds{3};
  const Answer later = read(*reader, 512 * kKiB, 4096, queued);  // finds no connection
  clock_.advance(std::chrono::seconds{4});
  EXPECT_EQ(later.error(), ErrorKind::Timeout);
  EXPECT_EQ(late.times(), 0);
  clock_.advance(std::chrono::seconds{2});
  EXPECT_EQ(late.error(), ErrorKind::Timeout);
  clock_.advance(std::chrono::seconds{1});
  EXPECT_EQ(read(*reader, 0, 4096).text(), noise(kMiB).substr(0, 4096));
}

TEST_F(DownloadsTest, AStopEndsTheWaitAndNotThatOfOthers) {
  store_.set("a", noise(kMiB));
  downloads();
  const auto one = open("a");
  const auto two = open("a");
  test::Rule rule;
  rule.op = Op::Read;
  auto held = store_.hold(rule);
  std::stop_source stop;
  core::OpContext context;
  context.stop = stop.get_token();
  const Answer stopped = read(*one, 0, 4096, context);
  held.await(1);
  const Answer other = read(*two, 0, 4096);
  stop.request_stop();
  EXPECT_EQ(stopped.error(), ErrorKind::Cancelled);
  EXPECT_EQ(other.times(), 0);
  held.release();
  EXPECT_EQ(other.text(), noise(kMiB).substr(0, 4096));
  EXPECT_EQ(store_.count(Op::Read), 1);
  EXPECT_EQ(read(*one, 0, 4096, context).text(), noise(kMiB).substr(0, 4096));  // it is here
  EXPECT_EQ(read(*one, kMiB / 2, 4096, context).error(), ErrorKind::Cancelled);
}

TEST_F(DownloadsTest, ClosingCancelsWhatRanAhead) {
  store_.set("a", noise(32 * kMiB));
  downloads();
  auto reader = open("a");
  read(*reader, 0, 128 * kKiB).wait();
  test::Rule rule;
  rule.op = Op::Read;
  rule.offset = 384 * kKiB;
  auto held = store_.hold(rule);
  read(*reader, 128 * kKiB, 128 * kKiB).wait();
  held.await(1);
  reader.reset();
  while (held.waiting() > 0) {
    std::this_thread::yield();
  }
  EXPECT_GE(metric("transfer.prefetches_cancelled"), 1);
  EXPECT_LE(store_.bytes_read(), 896 * kKiB);  // all but what was held
}

TEST_F(DownloadsTest, GoingElsewhereCancelsWhatRanAhead) {
  store_.set("a", noise(64 * kMiB));
  downloads();
  const auto reader = open("a");
  read(*reader, 0, 128 * kKiB).wait();
  test::Rule rule;
  rule.op = Op::Read;
  rule.offset = 384 * kKiB;
  auto held = store_.hold(rule);
  read(*reader, 128 * kKiB, 128 * kKiB).wait();
  held.await(1);
  for (std::uint64_t n = 1; n <= 4; ++n) {
    read(*reader, n * 10 * kMiB, 4096).wait();
  }
  while (held.waiting() > 0) {
    std::this_thread::yield();
  }
  EXPECT_GE(metric("transfer.prefetches_cancelled"), 1);
}

TEST_F(DownloadsTest, NothingIsReadAheadWhileTheServiceAsksToBeLeftAlone) {
  const std::string content = noise(8 * kMiB);
  store_.set("a", content);
  transfer::RequestRate rate(clock_, metrics_, {});
  transfer::DownloadOptions options;
  options.rate = &rate;
  downloads(options);
  const auto reader = open("a");
  rate.throttled(clock_.steady_now(), std::chrono::seconds{2});
  for (std::uint64_t at = 0; at < kMiB; at += 128 * kKiB) {
    EXPECT_EQ(read(*reader, at, 128 * kKiB).text(), content.substr(at, 128 * kKiB));
  }
  EXPECT_EQ(store_.bytes_read(), kMiB);
  clock_.advance(std::chrono::seconds{3});
  for (std::uint64_t at = kMiB; at < content.size(); at += 128 * kKiB) {
    read(*reader, at, 128 * kKiB).wait();
  }
  EXPECT_GT(metric("transfer.bytes_prefetched"), 0);
}

TEST_F(DownloadsTest, EightReadersStayWithinTheBudget) {
  const std::uint64_t size = 12 * kMiB;
  for (std::uint64_t i = 0; i < 8; ++i) {
    store_.set("f" + std::to_string(i), noise(size, i));
  }
  transfer::DownloadOptions options;
  options.cache_bytes = 6 * kMiB;
  downloads(options);
  std::atomic<std::uint64_t> most = 0;
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (std::uint64_t i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const auto reader = open("f" + std::to_string(i));
      const std::string content = noise(size, i);
      for (std::uint64_t at = 0; at < size; at += 128 * kKiB) {
        if (read(*reader, at, 128 * kKiB).text() != content.substr(at, 128 * kKiB)) {
          return;
        }
        const std::uint64_t now = downloads_->cached_bytes();
        std::uint64_t before = most;
        while (now > before && !most.compare_exchange_weak(before, now)) {
        }
      }
      ++good;
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(good, 8);
  // The budget, and what eight readers wait for at a time.
  EXPECT_LE(most, options.cache_bytes + 8 * 128 * kKiB);
  EXPECT_LE(store_.bytes_read(), 8 * size * 5 / 4);  // little is thrown away before it is read
}

TEST_F(DownloadsTest, NeverMoreRequestsAtOnceThanConnections) {
  store_.set("a", noise(64 * kMiB));
  transfer::DownloadOptions options;
  options.connections = 5;
  downloads(options);
  const auto reader = open("a");
  EXPECT_EQ(read(*reader, 0, 64 * kMiB).text().size(), 64 * kMiB);
  EXPECT_LE(store_.most_at_once(Op::Read), 5);
  EXPECT_GE(store_.most_at_once(Op::Read), 2);
}

TEST_F(DownloadsTest, ForgettingDropsTheBytes) {
  store_.set("a", noise(kMiB));
  downloads();
  read(*open("a"), 0, 4096).wait();
  EXPECT_GT(downloads_->cached_bytes(), 0);
  downloads_->forget(model::ObjectKey("a"));
  while (downloads_->cached_bytes() > 0) {
    std::this_thread::yield();  // the request that brought them may be about to end
  }
}

TEST_F(DownloadsTest, EndingAnswersWhoStillWaits) {
  store_.set("a", noise(kMiB));
  downloads();
  test::Rule rule;
  rule.op = Op::Read;
  auto held = store_.hold(rule);
  auto reader = open("a");
  const Answer answer = read(*reader, 0, 4096);
  held.await(1);
  reader.reset();
  downloads_.reset();
  EXPECT_EQ(answer.times(), 1);
  EXPECT_EQ(answer.error(), ErrorKind::Cancelled);
}

// Property: whatever the pattern, the timing and the failures, a read answers once and with the
// object's bytes or an error.
TEST_F(DownloadsTest, RandomReadersGetTheObjectsBytes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  const std::string content = noise(6 * kMiB + 4321, seed);
  store_.set("a", content);
  store_.set_chunk_bytes(10'000);
  test::Rule rule;
  rule.op = Op::Read;
  for (std::size_t n = 5; n < 100; n += 17) {
    rule.skip = n;
    rule.after_bytes = n * 1000;
    store_.fail(rule, core::fail(ErrorKind::Unavailable, "now and then"));
  }
  transfer::DownloadOptions options;
  options.cache_bytes = 3 * kMiB;
  options.connections = 4;
  downloads(options);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  std::atomic<int> good = 0;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(seed + t);
      auto reader = open("a");
      std::uint64_t at = 0;
      for (int i = 0; i < 150; ++i) {
        at = random() % 10 == 0 ? random() % content.size() : at;
        const std::size_t size = 1 + random() % 200'000;
        const Answer answer = read(*reader, at, size);
        if (!answer.error()) {
          ++good;
          wrong += answer.text() == content.substr(std::min(at, content.size()), size) ? 0 : 1;
        }
        at = at + size < content.size() ? at + size : 0;
        if (random() % 40 == 0) {
          reader = open("a");
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(good, 580);
}

}  // namespace
