#include "core/task_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <semaphore>
#include <thread>
#include <vector>

#include "support/results.h"

namespace {

using core::ErrorKind;
using core::OpContext;
using core::Status;
using core::TaskGroup;
using test::FailsWith;
using ::testing::ElementsAre;

constexpr std::size_t kMany = 50;

void wait_for_stop(const OpContext& own) {
  std::atomic<bool> stopped = false;
  const std::stop_callback on_stop(own.stop, [&] {
    stopped = true;
    stopped.notify_all();
  });
  stopped.wait(false);
}

/// Occupies every thread of a pool until it ends.
class Occupied {
 public:
  Occupied(core::ThreadPool& pool, int threads) : begun_(threads) {
    for (int i = 0; i < threads; ++i) {
      pool.post([this] {
        begun_.count_down();
        end_.wait(false);
        ended_.release();
      });
    }
    begun_.wait();
    left_ = threads;
  }
  Occupied(const Occupied&) = delete;
  Occupied& operator=(const Occupied&) = delete;
  ~Occupied() {
    end_ = true;
    end_.notify_all();
    for (; left_ > 0; --left_) {
      ended_.acquire();
    }
  }

 private:
  std::latch begun_;
  std::atomic<bool> end_ = false;
  std::counting_semaphore<> ended_{0};
  int left_ = 0;
};

TEST(TaskGroup, RunsEveryTaskOnceWithinItsWidth) {
  core::ThreadPool pool("test", 8);
  std::vector<int> visits(kMany);
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  TaskGroup group(pool, {}, 4);
  for (int& mine : visits) {
    group.start([&](const OpContext&) -> Status {
      const int now = ++inside;
      for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
      }
      ++mine;
      --inside;
      return {};
    });
  }
  ASSERT_TRUE(group.wait());
  EXPECT_THAT(visits, testing::Each(1));
  EXPECT_LE(most, 4);
}

TEST(TaskGroup, TasksRunSideBySide) {
  core::ThreadPool pool("test", 4);
  std::latch all(4);
  TaskGroup group(pool, {}, 4);
  for (int i = 0; i < 4; ++i) {
    group.start([&](const OpContext&) -> Status {
      all.arrive_and_wait();  // a serial group never comes past this
      return {};
    });
  }
  EXPECT_TRUE(group.wait());
}

TEST(TaskGroup, NothingToDoIsDone) {
  core::ThreadPool pool("test", 1);
  TaskGroup group(pool, {}, 4);
  EXPECT_TRUE(group.wait());
}

TEST(TaskGroup, HandsOnDeadlineIdAndCause) {
  core::ThreadPool pool("test", 1);
  OpContext context;
  context.deadline = core::SteadyTime(std::chrono::seconds{7});
  context.id = 12;
  context.cause = core::Cause::Upload;
  TaskGroup group(pool, context, 1);
  group.start([&](const OpContext& own) -> Status {
    EXPECT_EQ(own.deadline, context.deadline);
    EXPECT_EQ(own.id, context.id);
    EXPECT_EQ(own.cause, context.cause);
    return {};
  });
  EXPECT_TRUE(group.wait());
}

TEST(TaskGroup, TheFirstFailureStopsTheOthersAndIsTheGroups) {
  core::ThreadPool pool("test", 3);
  std::latch begun(3);
  std::atomic<int> ran = 0;
  TaskGroup group(pool, {}, 3);
  for (std::size_t i = 0; i < kMany; ++i) {
    group.start([&, i](const OpContext& own) -> Status {
      ++ran;
      begun.arrive_and_wait();
      if (i == 2) {
        return core::fail(ErrorKind::Denied, "no");
      }
      wait_for_stop(own);
      return core::fail(ErrorKind::Cancelled, "stopped by another");
    });
  }
  const Status failed = group.wait();
  ASSERT_THAT(failed, FailsWith(ErrorKind::Denied));
  EXPECT_EQ(ran, 3);  // nobody began after the failure
}

TEST(TaskGroup, ATaskAfterAFailureIsDropped) {
  core::ThreadPool pool("test", 1);
  TaskGroup group(pool, {}, 1);
  group.start([](const OpContext&) -> Status { return core::fail(ErrorKind::Denied, "no"); });
  ASSERT_FALSE(group.wait());
  bool ran = false;
  group.start([&](const OpContext&) -> Status {
    ran = true;
    return {};
  });
  EXPECT_FALSE(group.wait());
  EXPECT_FALSE(ran);
}

TEST(TaskGroup, TheCallersStopReachesWhatRunsAndDropsTheRest) {
  core::ThreadPool pool("test", 2);
  std::stop_source stop;
  OpContext context;
  context.stop = stop.get_token();
  std::latch begun(2);
  std::atomic<int> ran = 0;
  TaskGroup group(pool, context, 2);
  for (std::size_t i = 0; i < kMany; ++i) {
    group.start([&](const OpContext& own) -> Status {
      ++ran;
      begun.count_down();
      wait_for_stop(own);
      return {};
    });
  }
  begun.wait();
  stop.request_stop();
  const Status stopped = group.wait();
  ASSERT_THAT(stopped, FailsWith(ErrorKind::Cancelled));
  EXPECT_EQ(ran, 2);
}

TEST(TaskGroup, AStopBeforeTheStartRunsNothing) {
  core::ThreadPool pool("test", 2);
  std::stop_source stop;
  stop.request_stop();
  OpContext context;
  context.stop = stop.get_token();
  TaskGroup group(pool, context, 2);
  group.start([](const OpContext&) -> Status {
    ADD_FAILURE() << "ran";
    return {};
  });
  EXPECT_THAT(group.wait(), FailsWith(ErrorKind::Cancelled));
}

TEST(TaskGroup, AStopEndsTheWaitForAPoolThatIsFull) {
  core::ThreadPool pool("test", 1);
  const Occupied occupied(pool, 1);
  std::stop_source stop;
  OpContext context;
  context.stop = stop.get_token();
  TaskGroup group(pool, context, 1);
  group.start([](const OpContext&) -> Status {
    ADD_FAILURE() << "ran";
    return {};
  });
  std::thread stopper([&] { stop.request_stop(); });
  EXPECT_THAT(group.wait(), FailsWith(ErrorKind::Cancelled));
  stopper.join();
}

TEST(TaskGroup, GroupsInsideGroupsEndOnAPoolOfOneThread) {
  core::ThreadPool pool("test", 1);
  std::atomic<int> leaves = 0;
  std::atomic<int> inside = 0;
  const auto leaf = [&](const OpContext&) -> Status {
    EXPECT_EQ(++inside, 1);  // the one who waits works in place of another thread, not beside it
    ++leaves;
    --inside;
    return {};
  };
  TaskGroup outer(pool, {}, 4);
  for (int i = 0; i < 4; ++i) {
    outer.start([&](const OpContext& own) -> Status {
      TaskGroup inner(pool, own, 4);
      for (int k = 0; k < 4; ++k) {
        inner.start(leaf);
      }
      return inner.wait();
    });
  }
  EXPECT_TRUE(outer.wait());
  EXPECT_EQ(leaves, 16);
}

TEST(TaskGroup, AFailureInsideEndsTheGroupsAround) {
  core::ThreadPool pool("test", 2);
  TaskGroup outer(pool, {}, 2);
  for (int i = 0; i < 4; ++i) {
    outer.start([&, i](const OpContext& own) -> Status {
      TaskGroup inner(pool, own, 2);
      inner.start([i](const OpContext& innermost) -> Status {
        if (i == 0) {
          return core::fail(ErrorKind::Denied, "no");
        }
        wait_for_stop(innermost);
        return core::fail(ErrorKind::Cancelled, "stopped");
      });
      return inner.wait();
    });
  }
  EXPECT_THAT(outer.wait(), FailsWith(ErrorKind::Denied));
}

TEST(TaskGroup, GroupsOnOnePoolTakeTurns) {
  core::ThreadPool pool("test", 1);
  std::vector<char> order;
  TaskGroup first(pool, {}, 1);
  TaskGroup second(pool, {}, 1);
  {
    const Occupied occupied(pool, 1);
    for (int i = 0; i < 3; ++i) {
      first.start([&](const OpContext&) -> Status {
        order.push_back('a');
        return {};
      });
    }
    for (int i = 0; i < 3; ++i) {
      second.start([&](const OpContext&) -> Status {
        order.push_back('b');
        return {};
      });
    }
  }
  ASSERT_TRUE(first.wait());
  ASSERT_TRUE(second.wait());
  EXPECT_THAT(order, ElementsAre('a', 'b', 'a', 'b', 'a', 'b'));
}

TEST(TaskGroup, WhatNobodyWaitsForIsStoppedAndOutlivedAllTheSame) {
  core::ThreadPool pool("test", 2);
  std::latch begun(1);
  bool ended = false;
  {
    TaskGroup group(pool, {}, 2);
    group.start([&](const OpContext& own) -> Status {
      begun.count_down();
      wait_for_stop(own);
      ended = true;
      return {};
    });
    begun.wait();
  }
  EXPECT_TRUE(ended);
}

TEST(TaskGroup, WhatIsDroppedUnrunIsCancelled) {
  const std::shared_ptr<int> owned = std::make_shared<int>(1);
  TaskGroup group([](const std::function<void()>&) {}, {}, 2);
  for (int i = 0; i < 3; ++i) {
    group.start([owned](const OpContext&) -> Status {
      ADD_FAILURE() << "ran";
      return {};
    });
  }
  EXPECT_THAT(group.wait(), FailsWith(ErrorKind::Cancelled));
  EXPECT_EQ(owned.use_count(), 1);
}

}  // namespace
