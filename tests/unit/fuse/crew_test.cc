#include "fuse/crew.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <future>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/unique_fd.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using fuse::Crew;

/// A crew at one end of a socket pair that keeps messages apart, as /dev/fuse does. The test's
/// handler gets each message's number.
class CrewTest : public ::testing::Test {
 protected:
  CrewTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    kernel_ = core::UniqueFd(ends[0]);
    daemon_ = core::UniqueFd(ends[1]);
  }
  /// The crew; whoever keeps it lets it go before what its handler uses.
  [[nodiscard]] std::unique_ptr<Crew> start(Crew::Options options,
                                            std::function<void(int)> handle) {
    auto crew = std::make_unique<Crew>(
        daemon_.get(), options,
        [handle = std::move(handle)](std::span<std::byte> message) {
          const auto* header = reinterpret_cast<const fuse_in_header*>(message.data());
          ASSERT_EQ(message.size(), sizeof(*header));
          handle(static_cast<int>(header->unique));
        },
        [this] {
          ++ended_;
          has_ended_.set_value();
        });
    crew_ = crew.get();
    EXPECT_TRUE(crew->start());
    return crew;
  }
  void send(int number) const {
    fuse_in_header header{};
    header.unique = static_cast<std::uint64_t>(number);
    ASSERT_EQ(::send(kernel_.get(), &header, sizeof(header), MSG_NOSIGNAL),
              static_cast<ssize_t>(sizeof(header)));
  }

  core::UniqueFd kernel_;
  core::UniqueFd daemon_;
  std::atomic<int> ended_{0};
  std::promise<void> has_ended_;
  Crew* crew_ = nullptr;  ///< for handlers
};

/// Numbers in the order in which threads come to tell them.
class Record {
 public:
  void add(int number) {
    const core::MutexLock lock(mutex_);
    numbers_.push_back(number);
    told_.notify_all();
  }
  /// Waits until there are that many.
  std::vector<int> await(std::size_t count) {
    const core::MutexLock lock(mutex_);
    while (numbers_.size() < count) {
      told_.wait(mutex_);
    }
    return numbers_;
  }
  std::vector<int> so_far() { return await(0); }

 private:
  core::Mutex mutex_{core::LockRank::Leaf};
  core::CondVar told_;
  std::vector<int> numbers_ GUARDED_BY(mutex_);
};

/// What handlers wait for.
class Door {
 public:
  void open() { opened_.set_value(); }
  void wait() const { open_.wait(); }

 private:
  std::promise<void> opened_;
  std::shared_future<void> open_ = opened_.get_future().share();
};

TEST_F(CrewTest, GrowsWhileCallsWaitAndLeavesOneThatReceives) {
  constexpr int kLimit = 5;
  Door door;
  Record waits;
  Record queues;
  const auto crew = start({1, kLimit}, [&](int number) {
    if (crew_->may_wait()) {
      waits.add(number);
      door.wait();
    } else {
      queues.add(number);
    }
  });
  for (int number = 1; number < kLimit; ++number) {
    send(number);
    EXPECT_EQ(waits.await(static_cast<std::size_t>(number)).back(), number);
  }
  // All but the last thread wait; that one must not, and goes on receiving.
  send(kLimit);
  send(kLimit + 1);
  EXPECT_EQ(queues.await(2), (std::vector<int>{kLimit, kLimit + 1}));
  EXPECT_EQ(waits.so_far().size(), std::size_t{kLimit} - 1);
  door.open();
}

TEST_F(CrewTest, ACallThatWaitsDoesNotChangeThreads) {
  std::promise<std::pair<std::thread::id, std::thread::id>> threads;
  const auto crew = start({2, 4}, [&](int) {
    const auto before = std::this_thread::get_id();
    const bool may = crew_->may_wait();
    threads.set_value({before, may ? std::this_thread::get_id() : std::thread::id()});
  });
  send(1);
  const auto [before, after] = threads.get_future().get();
  EXPECT_EQ(before, after);
}

TEST_F(CrewTest, WhoOnlyAnswersCountsAsReceivingAgain) {
  Door both;
  Door answered;
  Record seen;
  const auto crew = start({2, 2}, [&](int number) {
    if (number == 0) {
      both.wait();  // so that the other thread receives what comes next
      return;
    }
    const bool may = crew_->may_wait();
    if (number == 1) {
      Crew::will_not_wait();
    }
    seen.add(may ? number : -number);
    if (number == 1) {
      answered.wait();
    }
  });
  send(0);
  send(1);
  seen.await(1);
  both.open();
  send(2);  // would have to queue if nobody else were about to receive
  send(3);
  EXPECT_EQ(seen.await(3), (std::vector<int>{1, 2, 3}));
  answered.open();
}

TEST_F(CrewTest, ALoneThreadMayWait) {
  Record seen;
  const auto crew =
      start({1, 1}, [&](int number) { seen.add(crew_->may_wait() ? number : -number); });
  send(1);
  send(2);
  EXPECT_EQ(seen.await(2), (std::vector<int>{1, 2}));
}

TEST_F(CrewTest, PostedWorkIsDoneInItsOrderByTheNextThreadThatIsFree) {
  Door door;
  Record handled;
  Record done;
  const auto crew = start({1, 2}, [&](int number) {
    if (crew_->may_wait()) {
      handled.add(number);
      door.wait();
      return;
    }
    crew_->post([&done, number] { done.add(number); });
    handled.add(number);
  });
  constexpr int kLast = 20;
  for (int number = 1; number <= kLast; ++number) {
    send(number);
    handled.await(static_cast<std::size_t>(number));
  }
  // One waits and one receives: nobody was free.
  EXPECT_EQ(done.so_far(), std::vector<int>{});
  door.open();
  std::vector<int> want;
  for (int number = 2; number <= kLast; ++number) {
    want.push_back(number);
  }
  EXPECT_EQ(done.await(want.size()), want);
}

TEST_F(CrewTest, KnowsTheMessageThatAThreadIsHandling) {
  Door door;
  std::promise<int> mine;
  std::promise<bool> others;
  const auto crew = start({1, 2}, [&](int number) {
    if (number == 1) {
      ASSERT_TRUE(crew_->may_wait());
      door.wait();  // until the other thread has received the second message
      const fuse_in_header* const message = Crew::message();
      mine.set_value(message == nullptr ? 0 : static_cast<int>(message->unique));
      return;
    }
    ASSERT_FALSE(crew_->may_wait());
    crew_->post([&] { others.set_value(Crew::message() != nullptr); });
    door.open();
  });
  EXPECT_EQ(Crew::message(), nullptr);
  send(1);
  send(2);
  EXPECT_EQ(mine.get_future().get(), 1);
  EXPECT_FALSE(others.get_future().get());  // work of the queue belongs to no message
}

TEST_F(CrewTest, EveryMessageIsHandledOnceHoweverManyWait) {
  constexpr int kMessages = 2000;
  constexpr unsigned kLimit = 8;
  Record done;
  core::Mutex mutex{core::LockRank::Leaf};
  std::set<std::thread::id> threads;
  const auto work = [&](int number) {
    {
      const core::MutexLock lock(mutex);
      threads.insert(std::this_thread::get_id());
    }
    std::this_thread::yield();
    done.add(number);
  };
  const auto crew = start({2, kLimit}, [&](int number) {
    if (crew_->may_wait()) {
      work(number);
    } else {
      crew_->post([&work, number] { work(number); });
    }
  });
  for (int number = 1; number <= kMessages; ++number) {
    send(number);
  }
  const std::vector<int> all = done.await(kMessages);
  EXPECT_EQ(all.size(), std::size_t{kMessages});
  EXPECT_EQ(std::set<int>(all.begin(), all.end()).size(), std::size_t{kMessages});
  crew_->stop_receiving();
  EXPECT_TRUE(crew_->finish());
  EXPECT_LE(threads.size(), kLimit);
  EXPECT_EQ(done.so_far().size(), std::size_t{kMessages});
}

TEST_F(CrewTest, StopsReceivingWhileACallWaitsAndFinishesWithWhatWasBegun) {
  Door door;
  Record handled;
  Record done;
  const auto crew = start({1, 2}, [&](int number) {
    if (crew_->may_wait()) {
      handled.add(number);
      door.wait();
      done.add(number);
      return;
    }
    crew_->post([&done, number] { done.add(number); });
    handled.add(number);
  });
  send(1);
  handled.await(1);
  send(2);
  handled.await(2);
  crew_->stop_receiving();  // though the first still waits
  for (const int number : done.so_far()) {
    EXPECT_EQ(number, 2);  // by the thread that received, which is free now
  }
  send(3);
  door.open();
  EXPECT_TRUE(crew_->finish());
  const std::vector<int> all = done.so_far();
  EXPECT_EQ(std::set<int>(all.begin(), all.end()), (std::set<int>{1, 2}));
  EXPECT_EQ(handled.so_far().size(), 2U);  // the third is still in the pipe
  EXPECT_EQ(ended_, 0);                    // who stops it need not be told
}

TEST_F(CrewTest, StopsBeforeItsThreadsHaveBegun) {
  for (int n = 0; n < 100; ++n) {
    const auto crew = start({2, 4}, [](int) {});
    crew_->stop_receiving();
    crew_->stop_receiving();  // again, to no effect
    EXPECT_TRUE(crew_->finish());
  }
  EXPECT_EQ(ended_, 0);
}

TEST_F(CrewTest, TellsOnceThatTheConnectionIsGone) {
  const auto crew = start({2, 4}, [](int) {});
  kernel_.reset();
  has_ended_.get_future().wait();
  crew_->stop_receiving();
  EXPECT_TRUE(crew_->finish());
  EXPECT_EQ(ended_, 1);
}

TEST_F(CrewTest, SaysWhyReadingFailed) {
  daemon_ = core::UniqueFd(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto crew = start({2, 4}, [](int) {});
  has_ended_.get_future().wait();
  crew_->stop_receiving();
  const core::Status why = crew_->finish();
  ASSERT_FALSE(why);
  EXPECT_NE(core::describe(why.error()).find("receive from the kernel"), std::string::npos);
  EXPECT_EQ(ended_, 1);
}

}  // namespace
