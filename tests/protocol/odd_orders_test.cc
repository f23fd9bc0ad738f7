// Interrupts, late and forgotten answers, and the end of a session.
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "mounted.h"

namespace test {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;

/// Where a call waits until the test lets it go on.
class Barrier {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  /// Returns when open, or when `stop` is requested: false.
  bool pass(const std::stop_token& stop = {}) {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    const bool passed = changed_.wait(lock, stop, [&] { return open_; });
    --waiting_;
    return passed;
  }
  void await_waiting(int count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 10s, [&] { return waiting_ >= count; }));
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool open_ = false;
  int waiting_ = 0;
};

class OddOrders : public Mounted {
 protected:
  void hold(const std::string& operation) {
    fs_.before(operation, [this](const fs::Request& request) -> core::Status {
      if (barrier_.pass(request.context.stop)) {
        return {};
      }
      return core::fail(ErrorKind::Cancelled, "interrupted");
    });
  }
  Barrier barrier_;
};

TEST_F(OddOrders, AnInterruptStopsTheRequestThatItNamesAndNoOther) {
  fs_.add_file(fs::kRoot, "a", "");
  hold("lookup");
  const auto patient = kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a"));
  const auto hasty = kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a"));
  barrier_.await_waiting(2);
  kernel_->interrupt(hasty);
  EXPECT_EQ(kernel_->await(hasty).error, EINTR);
  EXPECT_FALSE(kernel_->answered(patient));
  barrier_.open();
  EXPECT_EQ(kernel_->await(patient).error, 0);
  EXPECT_EQ(metrics_["fuse.interrupts"].value(), 1);
}

TEST_F(OddOrders, AnInterruptMayComeBeforeItsRequest) {
  hold("lookup");
  for (int i = 0; i < 20; ++i) {
    const auto lookup = kernel_->next_unique();
    kernel_->interrupt(lookup);
    ASSERT_EQ(kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a")), lookup);
    EXPECT_EQ(kernel_->await(lookup).error, EINTR);
  }
}

TEST_F(OddOrders, AnAnsweredRequestMayBeInterrupted) {
  fs_.add_file(fs::kRoot, "a", "");
  for (int i = 0; i < 50; ++i) {
    const auto unique = kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a"));
    kernel_->interrupt(unique);
    EXPECT_EQ(kernel_->await(unique).error, 0);
  }
}

TEST_F(OddOrders, AReadMayAnswerFromWithinItsInterrupt) {
  const auto inode = fs_.add_file(fs::kRoot, "a", "hello");
  using Callback = std::stop_callback<std::function<void()>>;
  std::unique_ptr<Callback> callback;
  std::mutex mutex;
  fs_.read_with([&](const fs::Request& request, std::uint64_t, fs::ReadDone done) {
    const std::lock_guard lock(mutex);
    callback = std::make_unique<Callback>(request.context.stop, [done = std::move(done)] {
      done(core::fail(ErrorKind::Cancelled, "interrupted"));
    });
  });
  const auto read = send_read(inode, 0, 5);
  EXPECT_FALSE(kernel_->answered(read));
  kernel_->interrupt(read);
  EXPECT_EQ(kernel_->await(read).error, EINTR);
  const std::lock_guard lock(mutex);
  callback.reset();
}

TEST_F(OddOrders, ReadsAreAnsweredInAnyOrderAndFromAnyThread) {
  const auto inode = fs_.add_file(fs::kRoot, "a", "unused");
  std::mutex mutex;
  std::map<std::uint64_t, fs::ReadDone> waiting;
  fs_.read_with([&](const fs::Request&, std::uint64_t offset, fs::ReadDone done) {
    const std::lock_guard lock(mutex);
    waiting.emplace(offset, std::move(done));
  });
  std::map<std::uint64_t, std::uint64_t> reads;  // offset to request
  for (std::uint64_t offset = 0; offset < 100; ++offset) {
    reads[offset] = send_read(inode, offset, 64);
  }
  // No thread waits for them: everything else goes on.
  EXPECT_EQ(kernel_->call(FUSE_GETATTR, inode, bytes_of(fuse_getattr_in{})).error, 0);
  std::thread answering([&] {
    for (std::uint64_t offset = 100; offset-- > 0;) {
      fs::ReadDone done;
      while (!done) {
        const std::lock_guard lock(mutex);
        const auto found = waiting.find(offset);
        if (found != waiting.end()) {
          done = std::move(found->second);
          waiting.erase(found);
        }
      }
      const std::string number = std::to_string(offset);
      done(std::vector{core::Bytes::of("read "), core::Bytes::of(number)});
    }
  });
  for (const auto& [offset, unique] : reads) {
    EXPECT_EQ(kernel_->await(unique).payload, "read " + std::to_string(offset));
  }
  answering.join();
}

TEST_F(OddOrders, AReadOfVeryManyPiecesIsOneAnswer) {
  const auto inode = fs_.add_file(fs::kRoot, "a", "unused");
  fs_.read_with([](const fs::Request&, std::uint64_t, const fs::ReadDone& done) {
    done(std::vector<core::Bytes>(3000, core::Bytes::of("ab")));
  });
  EXPECT_EQ(kernel_->await(send_read(inode, 0, 8192)).payload.size(), 6000U);
}

TEST_F(OddOrders, MoreBytesThanAskedForAreAnError) {
  const auto inode = fs_.add_file(fs::kRoot, "a", "unused");
  fs_.read_with([](const fs::Request&, std::uint64_t, const fs::ReadDone& done) {
    done(std::vector{core::Bytes::of("too much")});
  });
  EXPECT_EQ(kernel_->await(send_read(inode, 0, 3)).error, EIO);
}

TEST_F(OddOrders, AForgottenReplyIsAnIoErrorAndCounted) {
  const auto inode = fs_.add_file(fs::kRoot, "a", "unused");
  fs_.read_with([](const fs::Request&, std::uint64_t, const fs::ReadDone&) {});
  EXPECT_EQ(kernel_->await(send_read(inode, 0, 3)).error, EIO);
  EXPECT_EQ(metrics_["fuse.forgotten_replies"].value(), 1);
}

TEST_F(OddOrders, ExceptionsEndAtTheDoor) {
  const auto inode = fs_.add_file(fs::kRoot, "a", "unused");
  const auto throwing = [](const fs::Request&) -> core::Status {
    throw std::runtime_error("a bug");
  };
  fs_.before("lookup", throwing);
  fs_.before("read", throwing);
  EXPECT_EQ(lookup("a").error, EIO);
  EXPECT_EQ(kernel_->await(send_read(inode, 0, 3)).error, EIO);
  EXPECT_EQ(kernel_->call(FUSE_STATFS, FUSE_ROOT_ID).error, 0);
}

TEST_F(OddOrders, WaitingWritesKeepTheirBytes) {
  // Larger than the bound for copying; within what an unprivileged socket takes.
  constexpr std::size_t kSize = 128 << 10;
  hold("write");
  std::vector<std::uint64_t> files;
  std::vector<std::uint64_t> writes;
  for (char letter = 'a'; letter <= 'h'; ++letter) {
    files.push_back(fs_.add_file(fs::kRoot, std::string(1, letter), ""));
    writes.push_back(send_write(files.back(), 0, std::string(kSize, letter)));
    barrier_.await_waiting(static_cast<int>(files.size()));
  }
  barrier_.open();
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(kernel_->await(writes[i]).as<fuse_write_out>().size, kSize);
    EXPECT_EQ(fs_.content(files[i]), std::string(kSize, static_cast<char>('a' + i)));
  }
}

TEST_F(OddOrders, AWriteOfTheLargestSizeArrivesWhole) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "SKIPPED: messages of 1 MiB need a socket buffer that only root may ask for";
  }
  std::string data(std::size_t{1} << 20U, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<char>(i * 7 >> 3U);
  }
  const auto inode = fs_.add_file(fs::kRoot, "a", "");
  EXPECT_EQ(kernel_->await(send_write(inode, 0, data)).as<fuse_write_out>().size, data.size());
  EXPECT_TRUE(fs_.content(inode) == data);
}

TEST_F(OddOrders, SixtyWaitingCallsDoNotStopTheRest) {
  fs_.add_file(fs::kRoot, "a", "");
  hold("lookup");
  std::vector<std::uint64_t> waiting;
  for (int i = 0; i < 60; ++i) {
    waiting.push_back(kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a")));
  }
  barrier_.await_waiting(60);
  EXPECT_EQ(kernel_->call(FUSE_STATFS, FUSE_ROOT_ID).error, 0);
  barrier_.open();
  for (const auto unique : waiting) {
    EXPECT_EQ(kernel_->await(unique).error, 0);
  }
}

TEST_F(OddOrders, AStopLetsRequestsInFlightEnd) {
  fs_.add_file(fs::kRoot, "a", "");
  hold("lookup");
  const auto unique = kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a"));
  barrier_.await_waiting(1);
  session_->request_stop();
  std::thread opener([&] {
    EXPECT_FALSE(kernel_->answered(unique));
    barrier_.open();
  });
  const auto end = session_->wait();
  opener.join();
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, fuse::Session::End::Stopped);
  EXPECT_EQ(session_->in_flight(), 0U);
  EXPECT_EQ(kernel_->await(unique).error, 0);
}

TEST_F(OddOrders, AMountThatEndsEndsTheSession) {
  kernel_->hang_up();
  const auto end = session_->wait();
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, fuse::Session::End::Unmounted);
}

TEST_F(OddOrders, ASessionThatNobodyWaitedForStopsAsItEnds) {
  fs_.add_file(fs::kRoot, "a", "");
  EXPECT_EQ(lookup("a").error, 0);
  session_.reset();
  EXPECT_EQ(fs_.calls("lookup"), 1U);
}

class Signalled : public OddOrders {
 protected:
  void SetUp() override {
    fuse::SessionOptions options;
    options.look_again = 1ms;
    mount(options);
    caller_ = static_cast<pid_t>(kernel_->pid);
    requesters_.add(caller_);
  }
  pid_t caller_ = 0;
};

TEST_F(Signalled, ACallerThatLivesGetsItsTrueAnswer) {
  fs_.add_file(fs::kRoot, "a", "");
  hold("lookup");
  const auto found = kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a"));
  const auto missing = kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("b"));
  barrier_.await_waiting(2);
  kernel_->interrupt(found);
  kernel_->interrupt(missing);
  requesters_.await_looks(caller_, 20);
  EXPECT_FALSE(kernel_->answered(found));
  EXPECT_FALSE(kernel_->answered(missing));
  barrier_.open();
  EXPECT_EQ(kernel_->await(found).error, 0);
  EXPECT_EQ(kernel_->await(missing).error, ENOENT);
  EXPECT_EQ(metrics_["fuse.interrupts"].value(), 0);
  EXPECT_EQ(metrics_["fuse.signals_outlived"].value(), 2);
}

TEST_F(Signalled, ACallerThatDiesLaterIsLetGo) {
  hold("lookup");
  const auto lookup = kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a"));
  barrier_.await_waiting(1);
  kernel_->interrupt(lookup);
  requesters_.await_looks(caller_, 5);
  EXPECT_FALSE(kernel_->answered(lookup));
  requesters_.kill(caller_);  // the kernel does not say so a second time
  EXPECT_EQ(kernel_->await(lookup).error, EINTR);
  EXPECT_EQ(metrics_["fuse.interrupts"].value(), 1);
}

TEST_F(Signalled, OneOfTwoCallersDies) {
  fs_.add_file(fs::kRoot, "a", "");
  hold("lookup");
  const auto patient = kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a"));
  kernel_->pid = 4712;
  requesters_.add(4712);
  const auto doomed = kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a"));
  barrier_.await_waiting(2);
  kernel_->interrupt(patient);
  kernel_->interrupt(doomed);
  requesters_.await_looks(4712, 2);
  requesters_.kill(4712);
  EXPECT_EQ(kernel_->await(doomed).error, EINTR);
  EXPECT_FALSE(kernel_->answered(patient));
  barrier_.open();
  EXPECT_EQ(kernel_->await(patient).error, 0);
}

TEST_F(Signalled, ACallerThatCannotBeSeenIsLetGo) {
  hold("lookup");
  kernel_->pid = 0;  // as for a caller in another PID namespace
  const auto lookup = kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a"));
  barrier_.await_waiting(1);
  kernel_->interrupt(lookup);
  EXPECT_EQ(kernel_->await(lookup).error, EINTR);
}

TEST_F(Signalled, AStopDoesNotForgetWhoMayDie) {
  hold("lookup");
  const auto lookup = kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a"));
  barrier_.await_waiting(1);
  kernel_->interrupt(lookup);
  requesters_.await_looks(caller_, 2);
  session_->request_stop();
  std::thread killer([&] {
    EXPECT_FALSE(kernel_->answered(lookup));
    requesters_.kill(caller_);
  });
  ASSERT_TRUE(session_->wait());
  killer.join();
  EXPECT_EQ(kernel_->await(lookup).error, EINTR);
}

class Impatient : public OddOrders {
 protected:
  void SetUp() override {
    fuse::SessionOptions options;
    options.drain_timeout = 1ms;
    mount(options);
  }
};

TEST_F(Impatient, AStopInterruptsWhatTakesTooLong) {
  hold("lookup");
  const auto unique = kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a"));
  barrier_.await_waiting(1);
  session_->request_stop();
  ASSERT_TRUE(session_->wait());
  EXPECT_EQ(kernel_->await(unique).error, EINTR);
}

class SmallCrew : public OddOrders {
 protected:
  void SetUp() override {
    fuse::SessionOptions options;
    options.crew.limit = 3;
    mount(options);
  }
};

TEST_F(SmallCrew, WithAllHandsWaitingReadsAndInterruptsGetThrough) {
  const auto inode = fs_.add_file(fs::kRoot, "a", "hello");
  hold("lookup");
  std::vector<std::uint64_t> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.push_back(kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a")));
  }
  barrier_.await_waiting(2);
  EXPECT_EQ(kernel_->await(send_read(inode, 0, 5)).payload, "hello");
  const auto write = send_write(inode, 0, std::string(100'000, 'w'));
  // Overwrites the buffer that the write came in, were it not copied.
  EXPECT_EQ(kernel_->await(send_read(inode, 0, 5)).payload, "hello");
  EXPECT_FALSE(kernel_->answered(write));
  for (const auto unique : waiting) {
    kernel_->interrupt(unique);
    EXPECT_EQ(kernel_->await(unique).error, EINTR);
  }
  EXPECT_EQ(kernel_->await(write).error, 0);
  EXPECT_EQ(fs_.content(inode), std::string(100'000, 'w'));
}

TEST_F(SmallCrew, AStopRunsWhatIsQueued) {
  fs_.add_file(fs::kRoot, "a", "");
  hold("lookup");
  std::vector<std::uint64_t> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.push_back(kernel_->send(FUSE_LOOKUP, FUSE_ROOT_ID, name_of("a")));
  }
  barrier_.await_waiting(2);
  // A read is answered by the receiver, so everything before it has arrived.
  EXPECT_EQ(kernel_->await(send_read(fs_.add_file(fs::kRoot, "b", "b"), 0, 1)).payload, "b");
  session_->request_stop();
  std::thread opener([&] { barrier_.open(); });
  ASSERT_TRUE(session_->wait());
  opener.join();
  for (const auto unique : waiting) {
    EXPECT_EQ(kernel_->await(unique).error, 0);
  }
}

TEST(Handshake, AMountThatEndsBeforeItBeginsIsAnError) {
  core::SystemClock clock;
  core::Metrics metrics;
  FakeFileSystem fs;
  FakeRequesters requesters;
  FakeKernel kernel;
  auto session = fuse::Session::open(fuse::Channel::adopt(kernel.take_session_end()), fs,
                                     requesters, clock, metrics, {});
  ASSERT_TRUE(session);
  kernel.hang_up();
  const core::Status started = (*session)->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::Protocol);
}

}  // namespace
}  // namespace test
