#include "transfer/listings.h"

#include <gmock/gmock.h>

#include <atomic>
#include <stop_token>
#include <thread>

#include "core/format.h"
#include "support/fake_clock.h"
#include "support/fake_store.h"
#include "support/results.h"

namespace transfer {
namespace {

using core::ErrorKind;
using test::FailsWith;
using test::IsOk;
using Op = test::Op;

class ListingTest : public ::testing::Test {
 protected:
  static constexpr int kNames = 20'500;

  void SetUp() override {
    for (int i = 0; i < kNames; ++i) {
      store_.set(core::format("d/{:05}", i), "x");
    }
    query_.prefix = "d/";
    query_.delimiter = "/";
  }
  Listing::Stamp stamp() {
    return [this] { return Listing::Asked{{}, ++asked_}; };
  }
  static test::Rule rule(int times = 1) {
    test::Rule rule;
    rule.op = Op::List;
    rule.times = static_cast<std::size_t>(times);
    return rule;
  }
  /// The names of all pages from here on; every page was stamped.
  core::Result<int> read(Listing& listing) {
    int names = 0;
    for (;;) {
      TRY_ASSIGN(const Listing::Page page, listing.next(context_));
      EXPECT_GT(page.asked.ticket, 0U);
      for (const auto& object : page.page.objects) {
        EXPECT_EQ(object.key.text(), core::format("d/{:05}", names++));
      }
      if (page.page.next_token.empty()) {
        return names;
      }
      listing.run_ahead(context_);
    }
  }

  test::FakeClock clock_;
  test::FakeStore store_{clock_};
  store::ListQuery query_;
  core::OpContext context_;
  std::atomic<std::uint64_t> asked_ = 0;
};

TEST_F(ListingTest, BringsAllInOrder) {
  Listing listing(store_, nullptr, nullptr, query_, stamp());
  EXPECT_THAT(read(listing), test::IsOkAnd(kNames));
}

TEST_F(ListingTest, GoesOnWhereAnErrorWas) {
  Listing listing(store_, nullptr, nullptr, query_, stamp());
  ASSERT_THAT(listing.next(context_), IsOk());
  store_.fail(rule(), core::fail(ErrorKind::Unavailable, "503"));
  EXPECT_THAT(listing.next(context_), FailsWith(ErrorKind::Unavailable));
  const auto page = listing.next(context_);
  ASSERT_THAT(page, IsOk());
  EXPECT_EQ(page->page.objects.front().key.text(), "d/01000");
}

TEST_F(ListingTest, EndsWhileItRunsAhead) {
  for (int i = 0; i < 20; ++i) {
    Listing listing(store_, nullptr, nullptr, query_, stamp());
    ASSERT_THAT(listing.next(context_), IsOk());
    listing.run_ahead(context_);
  }
}

TEST_F(ListingTest, RunsAheadAsFarAsThereIsRoom) {
  ListingRoom room(6);
  std::size_t most = 0;
  {
    Listing listing(store_, nullptr, &room, query_, stamp());
    Listing other(store_, nullptr, &room, query_, stamp());
    for (Listing* one : {&listing, &other}) {
      ASSERT_THAT(one->next(context_), IsOk());
      one->run_ahead(context_);
    }
    for (int i = 0; i < 8; ++i) {
      ASSERT_THAT(listing.next(context_), IsOk());
      most = std::max(most, room.taken());
    }
    EXPECT_LE(most, 6U);
    EXPECT_GE(most, 2U);
    EXPECT_GE(room.taken(), 1U);
  }
  EXPECT_EQ(room.taken(), 0U);
  Listing all(store_, nullptr, &room, query_, stamp());
  EXPECT_THAT(read(all), test::IsOkAnd(kNames));
}

TEST(ListingRoom, IsSharedEvenly) {
  ListingRoom room(6);
  room.join();
  EXPECT_TRUE(room.take(0));
  EXPECT_TRUE(room.take(4));
  EXPECT_FALSE(room.take(6)) << "all that there is";
  room.join();
  EXPECT_FALSE(room.take(3)) << "half is the other's";
  EXPECT_TRUE(room.take(2));
  room.give_back(3);
  room.leave();
  EXPECT_TRUE(room.take(3));
  EXPECT_EQ(room.taken(), 1U);
}

TEST(ListingRoom, LetsNoneStandStill) {
  ListingRoom room(2);
  for (int i = 0; i < 5; ++i) {
    room.join();
  }
  EXPECT_TRUE(room.take(0));
  EXPECT_FALSE(room.take(1));
  EXPECT_TRUE(room.take(0));
  EXPECT_FALSE(room.take(0)) << "they go on by one request after another";
}

TEST_F(ListingTest, WaitEndsWhenTheReaderIsToldToStop) {
  Listing listing(store_, nullptr, nullptr, query_, stamp());
  ASSERT_THAT(listing.next(context_), IsOk());
  auto hold = store_.hold(rule(0));
  listing.run_ahead(context_);
  hold.await(1);
  std::stop_source stop;
  core::OpContext own;
  own.stop = stop.get_token();
  std::jthread stopper([&] { stop.request_stop(); });
  core::Result<Listing::Page> page = listing.next(own);
  EXPECT_THAT(page, FailsWith(ErrorKind::Cancelled));
  hold.release();
}

}  // namespace
}  // namespace transfer
