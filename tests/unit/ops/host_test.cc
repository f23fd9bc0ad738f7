#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstring>
#include <string>

#include "core/mutex.h"
#include "core/unique_fd.h"
#include "ops/notify.h"
#include "ops/signals.h"

namespace ops {
namespace {

/// An abstract socket that keeps what it hears.
class Manager {
 public:
  Manager() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // An empty address makes the kernel choose a name.
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    name_.assign(address.sun_path, size - offsetof(sockaddr_un, sun_path));
    name_[0] = '@';
  }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string heard() const {
    char text[512];
    const auto got = ::recv(fd_.get(), text, sizeof text, MSG_DONTWAIT);
    return got < 0 ? std::string("nothing") : std::string(text, static_cast<std::size_t>(got));
  }

 private:
  core::UniqueFd fd_;
  std::string name_;
};

TEST(Notifier, TellsTheManager) {
  const Manager manager;
  const Notifier notifier(manager.name());
  ASSERT_TRUE(notifier.ready("up"));
  EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=up");
  ASSERT_TRUE(notifier.stopping("2 files to upload"));
  EXPECT_EQ(manager.heard(), "STOPPING=1\nSTATUS=2 files to upload");
  ASSERT_TRUE(notifier.watchdog());
  EXPECT_EQ(manager.heard(), "WATCHDOG=1");
}

TEST(Notifier, IsQuietWithoutAManager) {
  EXPECT_TRUE(Notifier("").ready("up"));
  EXPECT_FALSE(Notifier("/nonexistent/socket").ready("up"));
  EXPECT_FALSE(Notifier(std::string(200, 'x')).ready("up"));
}

TEST(Watchdog, IsPattedTwiceAPeriodAndOnlyByTheOneThatIsMeant) {
  EXPECT_EQ(watchdog_interval("10000000", "", 7), std::chrono::seconds{5});
  EXPECT_EQ(watchdog_interval("10000000", "7", 7), std::chrono::seconds{5});
  EXPECT_EQ(watchdog_interval("10000000", "8", 7), std::nullopt);
  EXPECT_EQ(watchdog_interval("", "", 7), std::nullopt);
  EXPECT_EQ(watchdog_interval("soon", "", 7), std::nullopt);
}

TEST(SignalThread, HandsOnWhatIsBlocked) {
  ASSERT_TRUE(block_signals({SIGUSR2}));
  core::Mutex mutex{core::LockRank::Leaf};
  core::CondVar changed;
  int heard = 0;
  const auto thread = SignalThread::start({SIGUSR2}, [&](int signal) {
    const core::MutexLock lock(mutex);
    heard = signal;
    changed.notify_all();
  });
  ASSERT_TRUE(thread);
  ASSERT_EQ(::kill(::getpid(), SIGUSR2), 0);
  const core::MutexLock lock(mutex);
  while (heard == 0) {
    changed.wait(mutex);
  }
  EXPECT_EQ(heard, SIGUSR2);
}

}  // namespace
}  // namespace ops
