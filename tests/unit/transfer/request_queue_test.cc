#include "transfer/request_queue.h"

#include <gmock/gmock.h>

#include <atomic>
#include <latch>
#include <map>
#include <thread>
#include <vector>

namespace transfer {
namespace {

using ::testing::ElementsAre;
using Urgency = RequestQueue::Urgency;

/// Keeps the slots of what has begun, in order.
struct Begun {
  std::vector<int> order;
  std::map<int, RequestQueue::SlotPtr> slots;

  void start(RequestQueue& queue, int id, Urgency urgency = Urgency::Foreground) {
    queue.start(static_cast<std::uint64_t>(id), urgency, [this, id](RequestQueue::SlotPtr slot) {
      order.push_back(id);
      slots[id] = std::move(slot);
    });
  }
};

TEST(RequestQueue, BeginsWhatThereIsASlotForAndTheRestAsSlotsComeBack) {
  Begun begun;
  RequestQueue queue("test", 2);
  for (const int id : {1, 2, 3, 4}) {
    begun.start(queue, id);
  }
  EXPECT_THAT(begun.order, ElementsAre(1, 2));
  begun.slots.erase(2);
  EXPECT_THAT(begun.order, ElementsAre(1, 2, 3));
  begun.slots.erase(1);
  EXPECT_THAT(begun.order, ElementsAre(1, 2, 3, 4));
  begun.slots.clear();
}

TEST(RequestQueue, WhoWaitsGoesFirstAndRunningAheadLeavesSlots) {
  Begun begun;
  RequestQueue queue("test", 2);
  begun.start(queue, 1, Urgency::Background);
  begun.start(queue, 2, Urgency::Background);
  EXPECT_THAT(begun.order, ElementsAre(1)) << "the last slot is not for running ahead";
  begun.start(queue, 3);
  begun.start(queue, 4);
  EXPECT_THAT(begun.order, ElementsAre(1, 3));
  begun.slots.erase(3);
  EXPECT_THAT(begun.order, ElementsAre(1, 3, 4));
  begun.slots.erase(1);
  EXPECT_THAT(begun.order, ElementsAre(1, 3, 4, 2));
  begun.slots.clear();
}

TEST(RequestQueue, APromotedRequestNeedNotWaitForTheOthers) {
  Begun begun;
  RequestQueue queue("test", 2);
  for (const int id : {1, 2, 3}) {
    begun.start(queue, id, Urgency::Background);
  }
  queue.promote(3);
  EXPECT_THAT(begun.order, ElementsAre(1, 3));
  EXPECT_FALSE(queue.withdraw(3)) << "it has begun";
  EXPECT_TRUE(queue.withdraw(2));
  begun.slots.clear();
  EXPECT_THAT(begun.order, ElementsAre(1, 3));
}

TEST(RequestQueue, ClosingWaitsForWhatHasBegunAndDropsTheRest) {
  Begun begun;
  RequestQueue queue("test", 1);
  begun.start(queue, 1);
  std::latch dropped(1);
  queue.start(2, Urgency::Foreground,
              [token = std::shared_ptr<void>(nullptr, [&](void*) { dropped.count_down(); })](
                  RequestQueue::SlotPtr) { FAIL() << "begun after the end"; });
  std::atomic<bool> closed{false};
  std::thread closer([&] {
    queue.close();
    closed = true;
  });
  dropped.wait();
  EXPECT_FALSE(closed);
  begun.slots.clear();
  closer.join();
  EXPECT_TRUE(closed);
  EXPECT_THAT(begun.order, ElementsAre(1));
}

TEST(RequestQueue, WorkThatMayBlockKeepsItsSlot) {
  Begun begun;
  RequestQueue queue("test", 1);
  std::latch running(1);
  std::latch go(1);
  std::latch second(1);
  queue.post(1, Urgency::Foreground, [&] {
    running.count_down();
    go.wait();
  });
  running.wait();
  queue.start(2, Urgency::Foreground, [&](RequestQueue::SlotPtr) { second.count_down(); });
  EXPECT_FALSE(second.try_wait());
  go.count_down();
  second.wait();
}

}  // namespace
}  // namespace transfer
