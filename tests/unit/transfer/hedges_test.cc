// A range that comes late is asked for once more.
#include <gmock/gmock.h>

#include <future>

#include "transfer/downloads.h"
#include "transfer/request_rate.h"
#include "unit/transfer/downloads_fixture.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using model::ByteRange;
using test::Answer;
using test::kKiB;
using test::kMiB;
using test::noise;
using test::Op;
using test::Rule;
using testing::ElementsAre;

class Hedges : public test::DownloadsTest {
 protected:
  void SetUp() override { store_.set("a", content_); }

  /// The next request for a range that begins at `offset`, and no other.
  static Rule at(std::uint64_t offset) {
    Rule rule;
    rule.op = Op::Read;
    rule.offset = offset;
    return rule;
  }
  /// Lets time pass, while one request is held, so that whoever looks after it looks `times` times.
  void pass(int times) {
    for (int i = 0; i < times; ++i) {
      clock_.await_sleepers(2);
      clock_.advance(1s);
    }
  }

  const std::string content_ = noise(16 * kMiB);
};

TEST_F(Hedges, ARequestThatIsNeverAnsweredKeepsNobodyWaiting) {
  downloads();
  const auto reader = open("a");
  auto held = store_.hold(at(0));
  const Answer answer = read(*reader, 0, 128 * kKiB);
  held.await(1);
  pass(1);
  EXPECT_EQ(answer.text(), content_.substr(0, 128 * kKiB));
  EXPECT_THAT(ranges(), ElementsAre(ByteRange{0, 128 * kKiB}, ByteRange{0, 128 * kKiB}));
  EXPECT_EQ(metric("transfer.hedges"), 1);
  EXPECT_EQ(metric("transfer.hedges_won"), 1);
  EXPECT_EQ(metric("transfer.range_requests"), 1);
  EXPECT_EQ(metric("transfer.bytes_downloaded"), std::int64_t{128 * kKiB});
}

TEST_F(Hedges, OfOneThatStopsInTheMiddleTheRestIsAskedFor) {
  downloads();
  const auto reader = open("a");
  Rule rule = at(0);
  rule.after_bytes = 64 * kKiB;
  auto held = store_.hold(rule);
  const Answer answer = read(*reader, 0, 128 * kKiB);
  held.await(1);
  pass(2);
  EXPECT_EQ(answer.text(), content_.substr(0, 128 * kKiB));
  EXPECT_THAT(ranges(), ElementsAre(ByteRange{0, 128 * kKiB}, ByteRange{64 * kKiB, 128 * kKiB}));
  EXPECT_EQ(metric("transfer.bytes_downloaded"), std::int64_t{128 * kKiB});
}

TEST_F(Hedges, TheFirstMayStillBeTheFirst) {
  downloads();
  auto reader = open("a");
  auto first = store_.hold(at(0));
  Rule next = at(0);
  next.skip = 1;
  auto second = store_.hold(next);
  const Answer answer = read(*reader, 0, 4096);
  first.await(1);
  pass(1);
  second.await(1);
  first.release();
  EXPECT_EQ(answer.text(), content_.substr(0, 4096));
  reader.reset();
  downloads_ = nullptr;  // the second one was stopped, or this would wait for it
  EXPECT_EQ(metric("transfer.hedges"), 1);
  EXPECT_EQ(metric("transfer.hedges_won"), 0);
  EXPECT_EQ(metric("transfer.bytes_downloaded"), 4096);
}

TEST_F(Hedges, ASecondRequestThatFailsChangesNothing) {
  downloads();
  const auto reader = open("a");
  auto held = store_.hold(at(0));
  Rule next = at(0);
  next.skip = 1;
  store_.fail(next, core::fail(ErrorKind::Unavailable, "connection reset"));
  const Answer answer = read(*reader, 0, 4096);
  held.await(1);
  pass(1);
  held.release();
  EXPECT_EQ(answer.text(), content_.substr(0, 4096));
  EXPECT_EQ(metric("transfer.hedges_won"), 0);
}

TEST_F(Hedges, WhatIsSpentIsNotSentAndComesWhenItComes) {
  downloads();
  const auto reader = open("a");
  std::vector<test::FakeStore::Hold> held;
  for (std::uint64_t n = 0; n < 5; ++n) {
    held.push_back(store_.hold(at(n * 2 * kMiB)));
  }
  for (std::uint64_t n = 0; n < 4; ++n) {
    const Answer answer = read(*reader, n * 2 * kMiB, 4096);
    held[n].await(1);
    pass(1);
    EXPECT_EQ(answer.text(), content_.substr(n * 2 * kMiB, 4096));
  }
  const Answer answer = read(*reader, 8 * kMiB, 4096);
  held[4].await(1);
  pass(3);
  EXPECT_EQ(answer.times(), 0);
  held[4].release();
  EXPECT_EQ(answer.text(), content_.substr(8 * kMiB, 4096));
  EXPECT_EQ(metric("transfer.hedges"), 4);
}

TEST_F(Hedges, NoneWhileTheServiceAsksForFewerRequests) {
  transfer::RequestRate rate(clock_, metrics_, {});
  transfer::DownloadOptions options;
  options.rate = &rate;
  downloads(options);
  const auto reader = open("a");
  auto held = store_.hold(at(0));
  const Answer answer = read(*reader, 0, 4096);
  held.await(1);
  rate.throttled(clock_.steady_now());
  pass(9);
  EXPECT_EQ(metric("transfer.hedges"), 0);
  pass(1);
  EXPECT_EQ(answer.text(), content_.substr(0, 4096));
  EXPECT_EQ(metric("transfer.hedges"), 1);
}

TEST_F(Hedges, NobodyAsksTwiceForWhatNobodyWaitsFor) {
  downloads();
  const auto reader = open("a");
  Rule ahead = at(384 * kKiB);
  auto held = store_.hold(ahead);
  read(*reader, 0, 128 * kKiB).wait();
  read(*reader, 128 * kKiB, 128 * kKiB).wait();
  held.await(1);
  pass(3);
  clock_.await_sleepers(2);
  EXPECT_EQ(metric("transfer.hedges"), 0);
  // Now somebody does.
  const Answer answer = read(*reader, 384 * kKiB, 128 * kKiB);
  pass(1);
  EXPECT_EQ(answer.text(), content_.substr(384 * kKiB, 128 * kKiB));
  EXPECT_EQ(metric("transfer.hedges"), 1);
}

TEST_F(Hedges, WhoOpensAnObjectIsNotKeptWaitingEither) {
  transfer::Downloads& all = downloads();
  auto held = store_.hold(at(0));
  std::promise<core::Result<store::ObjectMeta>> told;
  ASSERT_TRUE(all.bring({}, store_.version("a"), 128 * kKiB,
                        [&](auto meta) { told.set_value(std::move(meta)); }));
  held.await(1);
  pass(1);
  const auto meta = told.get_future().get();
  ASSERT_TRUE(meta) << meta.error().message;
  EXPECT_EQ(meta->size, content_.size());
  EXPECT_EQ(metric("transfer.hedges_won"), 1);
}

TEST_F(Hedges, WhoeverEndsStopsBoth) {
  downloads();
  auto reader = open("a");
  Rule rule = at(0);
  rule.times = 0;
  auto held = store_.hold(rule);
  std::stop_source stop;
  core::OpContext context;
  context.stop = stop.get_token();
  const Answer answer = read(*reader, 0, 4096, context);
  held.await(1);
  pass(1);
  held.await(2);
  stop.request_stop();
  EXPECT_EQ(answer.error(), ErrorKind::Cancelled);
  reader.reset();
  downloads_ = nullptr;
  EXPECT_EQ(metric("transfer.hedges_won"), 0);
}

}  // namespace
