#include "core/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "core/check.h"
#include "core/log_thread.h"
#include "core/mutex.h"
#include "core/unique_fd.h"
#include "support/results.h"

namespace {

using core::LogLevel;
using core::LogTarget;
using test::FailsWith;
using ::testing::HasSubstr;

TEST(Log, EscapesWhatATerminalWouldObey) {
  const auto path = std::filesystem::temp_directory_path() / "stsfs-log-test";
  std::filesystem::remove(path);
  ASSERT_TRUE(core::open_log(core::LogLevel::Debug, core::LogTarget::File, path));
  core::log(core::LogLevel::Info, "event", {{"key", "a\x1b[31m\n\"b\""}, {"n", 7}});
  core::log(core::LogLevel::Trace, "too quiet to be heard");
  ASSERT_TRUE(core::open_log(core::LogLevel::Info, core::LogTarget::Stderr));
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_NE(text.str().find(R"(info event key="a\x1b[31m\x0a\"b\"" n=7)"), std::string::npos)
      << text.str();
  EXPECT_EQ(text.str().find("quiet"), std::string::npos);
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  std::filesystem::remove(path);
}

TEST(Log, RefusesAFileThatCannotBeOpened) {
  const auto opened =
      core::open_log(core::LogLevel::Info, core::LogTarget::File, "/nowhere/at/all");
  ASSERT_THAT(opened, FailsWith(core::ErrorKind::NotFound));
  EXPECT_NE(opened.error().message.find("/nowhere/at/all"), std::string::npos);
}

/// The log leads into a pipe that nobody reads until it is asked to.
class BlockedLog : public ::testing::Test {
 protected:
  BlockedLog() {
    std::filesystem::remove(path_);
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    // Before anybody has the other end.
    EXPECT_TRUE(core::open_log(LogLevel::Info, LogTarget::File, path_));
    pipe_.reset(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
    ::fcntl(pipe_.get(), F_SETPIPE_SZ, 4096);
  }
  ~BlockedLog() override {
    EXPECT_TRUE(core::open_log(LogLevel::Info, LogTarget::Stderr));
    std::filesystem::remove(path_);
  }

  /// Whole lines up to the one that holds `last`.
  std::vector<std::string> read_until(std::string_view last) {
    std::vector<std::string> lines(1);
    for (;;) {
      std::array<char, 4096> some{};
      const ssize_t n = ::read(pipe_.get(), some.data(), some.size());
      for (ssize_t i = 0; i < n; ++i) {
        if (some.at(static_cast<std::size_t>(i)) != '\n') {
          lines.back() += some.at(static_cast<std::size_t>(i));
        } else if (lines.back().find(last) != std::string::npos) {
          return lines;
        } else {
          lines.emplace_back();
        }
      }
    }
  }

  const std::string path_ = ::testing::TempDir() + "stsfs-blocked-log";
  core::UniqueFd pipe_;
  core::Metrics metrics_;
};

TEST_F(BlockedLog, HoldsNobodyUpAndTellsWhatItDropped) {
  constexpr int kLines = 100'000;  // more than may wait
  std::optional<core::LogThread> thread(metrics_);
  for (int i = 0; i < kLines; ++i) {
    core::log(LogLevel::Info, "event", {{"n", i}});
  }
  const std::int64_t dropped = metrics_["log.dropped"].value();
  EXPECT_GT(dropped, 0);
  EXPECT_LT(dropped, kLines);
  core::log(LogLevel::Error, "errors have room all the same");
  EXPECT_EQ(metrics_["log.dropped"].value(), dropped);

  std::thread ending([&] {
    core::log(LogLevel::Error, "the last");
    thread.reset();
  });
  const std::vector<std::string> lines = read_until("the last");
  ending.join();
  const auto told = std::find_if(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find("log.dropped") != std::string::npos;
  });
  ASSERT_NE(told, lines.end());
  EXPECT_THAT(*told, HasSubstr("warning log.dropped lines=" + std::to_string(dropped)));
  EXPECT_EQ(lines.size(), static_cast<std::size_t>(kLines - dropped) + 3);
}

TEST_F(BlockedLog, EndsInTimeAndLeavesWhatNobodyTakes) {
  {
    const core::LogThread thread(metrics_);
    for (int i = 0; i < 1000; ++i) {
      core::log(LogLevel::Info, "event", {{"n", i}});
    }
  }
  core::log(LogLevel::Error, "after the end");  // still waits for nobody
  const std::vector<std::string> lines = read_until("after the end");
  EXPECT_THAT(lines.front(), HasSubstr("info event n=0"));
  EXPECT_EQ(lines.size(), 1001U);
}

TEST_F(BlockedLog, ABrokenInvariantDoesNotWaitForEver) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const core::LogThread thread(metrics_);
        for (int i = 0; i < 1000; ++i) {
          core::log(LogLevel::Info, "event", {{"n", i}});
        }
        CORE_CHECK(false);
      },
      ::testing::KilledBySignal(SIGABRT), "");
}

TEST(LogThread, WritesEverythingBeforeItEnds) {
  const std::string path = ::testing::TempDir() + "stsfs-log-thread";
  std::filesystem::remove(path);
  ASSERT_TRUE(core::open_log(LogLevel::Info, LogTarget::File, path));
  core::Metrics metrics;
  {
    const core::LogThread thread(metrics);
    for (int i = 0; i < 1000; ++i) {
      core::log(LogLevel::Info, "event", {{"n", i}});
    }
  }
  core::log(LogLevel::Info, "after it", {});
  ASSERT_TRUE(core::open_log(LogLevel::Info, LogTarget::Stderr));
  std::ifstream file(path);
  int lines = 0;
  std::string line;
  for (; std::getline(file, line) && lines < 1000; ++lines) {
    EXPECT_THAT(line, ::testing::EndsWith("Z info event n=" + std::to_string(lines)));
  }
  EXPECT_EQ(lines, 1000);
  EXPECT_THAT(line, HasSubstr("after it"));
  EXPECT_EQ(metrics.values(), (std::map<std::string, std::int64_t>{{"log.dropped", 0}}));
  std::filesystem::remove(path);
}

TEST(LogThread, CountsWhatCannotBeWritten) {
  ASSERT_TRUE(core::open_log(LogLevel::Info, LogTarget::File, "/dev/full"));
  core::Metrics metrics;
  {
    const core::LogThread thread(metrics);
    core::log(LogLevel::Info, "event");
    core::log(LogLevel::Info, "event");
  }
  ASSERT_TRUE(core::open_log(LogLevel::Info, LogTarget::Stderr));
  EXPECT_EQ(metrics["log.dropped"].value(), 2);
}

#ifndef NDEBUG
TEST(LogDeathTest, NobodyLogsUnderALock) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        core::Mutex mutex{core::LockRank::Namespace};
        const core::MutexLock lock(mutex);
        core::log(LogLevel::Trace, "not even what nobody would see");
      },
      "broken invariant.*holds_a_lock");
}
#endif

}  // namespace
