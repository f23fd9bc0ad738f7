#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/clock.h"
#include "core/gate.h"
#include "core/snapshot.h"
#include "core/thread_pool.h"
#include "support/fake_clock.h"

namespace {

using namespace std::chrono_literals;

TEST(ThreadPool, RunsEverythingBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    core::ThreadPool pool("test", 3);
    for (int i = 0; i < 100; ++i) {
      pool.post([&] { ++ran; });
    }
  }
  EXPECT_EQ(ran, 100);
}

TEST(Gate, CloseWaitsForThoseInsideAndRefusesNewcomers) {
  core::Gate gate;
  auto pass = gate.enter();
  ASSERT_TRUE(pass);
  std::atomic<bool> closed = false;
  std::thread closer([&] {
    gate.close();
    closed = true;
  });
  while (gate.enter()) {
    std::this_thread::yield();
  }
  EXPECT_FALSE(closed);
  EXPECT_EQ(gate.inside(), 1U);
  pass.reset();
  closer.join();
  EXPECT_TRUE(closed);
}

TEST(FakeClock, WakesExactlyThoseWhoAreDue) {
  test::FakeClock clock;
  std::atomic<int> woke = 0;
  const auto start = clock.steady_now();
  std::thread early([&] {
    clock.sleep_until(start + 10s, {});
    ++woke;
  });
  std::thread late([&] {
    clock.sleep_until(start + 20s, {});
    ++woke;
  });
  clock.await_sleepers(2);
  clock.advance(10s);
  early.join();
  EXPECT_EQ(woke, 1);
  clock.await_sleepers(1);
  clock.advance(10s);
  late.join();
  EXPECT_EQ(woke, 2);
}

TEST(Clock, ASleeperWakesWhenAskedToStop) {
  core::SystemClock clock;
  std::stop_source stop;
  std::atomic<bool> slept_through = true;
  std::thread sleeper(
      [&] { slept_through = clock.sleep_until(clock.steady_now() + 1h, stop.get_token()); });
  stop.request_stop();
  sleeper.join();
  EXPECT_FALSE(slept_through);
}

#ifndef NDEBUG
TEST(MutexDeathTest, AbortsWhenRanksFall) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        core::Mutex high{core::LockRank::Cache};
        core::Mutex low{core::LockRank::Namespace};
        const core::MutexLock first(high);
        const core::MutexLock second(low);
      },
      "broken invariant");
}
#endif

}  // namespace
