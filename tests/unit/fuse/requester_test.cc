#include "fuse/requester.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "core/format.h"

namespace {

using fuse::dying;
using fuse::ProcRequesters;

constexpr std::uint64_t bit(int signal) {
  return std::uint64_t{1} << (static_cast<unsigned>(signal) - 1U);
}

struct Signals {
  std::uint64_t own = 0;
  std::uint64_t shared = 0;
  std::uint64_t blocked = 0;
  std::uint64_t ignored = 0;
  std::uint64_t caught = 0;
};

/// As Linux 6.1 writes it, shortened before and after.
std::string status(const Signals& signals) {
  return core::format(
      "Name:\tgit\nUmask:\t0022\nState:\tD (disk sleep)\nTgid:\t812\nPid:\t815\nTracerPid:\t0\n"
      "Groups:\t4 24 27 \nThreads:\t3\nSigQ:\t0/31111\nSigPnd:\t{:016x}\nShdPnd:\t{:016x}\n"
      "SigBlk:\t{:016x}\nSigIgn:\t{:016x}\nSigCgt:\t{:016x}\nCapInh:\t0000000000000000\n"
      "Seccomp:\t0\n",
      signals.own, signals.shared, signals.blocked, signals.ignored, signals.caught);
}

struct Case {
  const char* name;
  Signals signals;
  bool want;
};

class Dying : public ::testing::TestWithParam<Case> {};

TEST_P(Dying, IsWhoHasASignalPendingThatEndsIt) {
  EXPECT_EQ(dying(status(GetParam().signals)), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Signals, Dying,
    ::testing::Values(
        Case{"NothingPending", {}, false},
        Case{"NothingPendingOfMuch", {0, 0, bit(SIGTERM), bit(SIGPIPE), bit(SIGINT)}, false},
        Case{"Killed", {bit(SIGKILL), 0, 0, 0, 0}, true},
        Case{"KilledAsAProcess", {0, bit(SIGKILL), 0, 0, 0}, true},
        Case{"KilledBesideATimer", {bit(SIGKILL), bit(SIGALRM), 0, 0, bit(SIGALRM)}, true},
        // Ctrl-C as the kernel sets it: the signal for the process, SIGKILL for each thread.
        Case{"InterruptedByTheTerminal", {bit(SIGKILL), bit(SIGINT), 0, 0, 0}, true},
        Case{"Terminated", {0, bit(SIGTERM), 0, 0, 0}, true},
        Case{"HungUp", {0, bit(SIGHUP), 0, 0, 0}, true},
        Case{"Quit", {0, bit(SIGQUIT), 0, 0, 0}, true},
        Case{"Aborted", {bit(SIGABRT), 0, 0, 0, 0}, true},
        Case{"TimerWithoutHandler", {0, bit(SIGALRM), 0, 0, 0}, true},
        Case{"FirstRealTimeSignal", {0, bit(32), 0, 0, 0}, true},
        Case{"LastRealTimeSignal", {0, bit(64), 0, 0, 0}, true},
        Case{"TimerWithHandler", {0, bit(SIGALRM), 0, 0, bit(SIGALRM)}, false},
        Case{"GoPreemption", {bit(SIGURG), 0, 0, 0, 0xfffffffd7fc1feffU}, false},
        Case{"CaughtRealTimeSignal", {0, bit(64), 0, 0, bit(64)}, false},
        Case{"BlockedTerm", {0, bit(SIGTERM), bit(SIGTERM), 0, 0}, false},
        Case{"IgnoredHangUp", {0, bit(SIGHUP), 0, bit(SIGHUP), 0}, false},
        Case{"CaughtInterrupt", {0, bit(SIGINT), 0, 0, bit(SIGINT)}, false},
        Case{"CaughtInterruptAndTerm", {0, bit(SIGINT) | bit(SIGTERM), 0, 0, bit(SIGINT)}, true},
        Case{"Child", {0, bit(SIGCHLD), 0, 0, 0}, false},
        Case{"Continued", {0, bit(SIGCONT), 0, 0, 0}, false},
        Case{"Urgent", {0, bit(SIGURG), 0, 0, 0}, false},
        Case{"WindowChanged", {0, bit(SIGWINCH), 0, 0, 0}, false},
        Case{"Stopped", {bit(SIGSTOP), 0, 0, 0, 0}, false},
        Case{"StoppedByTheTerminal", {0, bit(SIGTSTP), 0, 0, 0}, false},
        Case{"ReadsInTheBackground", {0, bit(SIGTTIN), 0, 0, 0}, false},
        Case{"WritesInTheBackground", {0, bit(SIGTTOU), 0, 0, 0}, false}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(DyingText, WhatDoesNotSayIsTakenForTheWorst) {
  const std::string whole = status({});
  ASSERT_FALSE(dying(whole));
  EXPECT_TRUE(dying(""));
  EXPECT_TRUE(dying(std::string_view("\0\xff\n\n:::\n\0", 9)));
  // Cut anywhere before the end of the last line that counts.
  const std::size_t end = whole.find("\nCapInh");
  for (std::size_t length = 0; length < end; ++length) {
    EXPECT_TRUE(dying(whole.substr(0, length))) << length;
  }
  EXPECT_FALSE(dying(whole.substr(0, end)));
}

TEST(DyingText, HalfNumbersAreNone) {
  for (const char* const digits :
       {"", "0", "00000000000000000", "000000000000000g", "-000000000000001", "0x00000000000000"}) {
    EXPECT_TRUE(
        dying(core::format("SigPnd:\t{}\nShdPnd:\t{}\nSigBlk:\t{}\nSigIgn:\t{}\nSigCgt:\t{}\n",
                           digits, digits, digits, digits, digits)))
        << digits;
  }
}

TEST(DyingText, ANameSpeaksForNobody) {
  // The kernel writes a line break in a thread's name as \n, so a line of ours begins a line.
  std::string text = status({});
  text.replace(text.find("git"), 3, "a\\nSigPnd:\\t0000000000000100");
  EXPECT_FALSE(dying(text));
}

/// A folder that stands for /proc.
class PlainProc : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "requester-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
    std::filesystem::create_symlink(std::to_string(::getpid()), path_ / "self");
    std::filesystem::create_directory(path_ / "815");
    std::ofstream(path_ / "815/status") << status({});
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  std::filesystem::path path_;
};

TEST_F(PlainProc, TellsOfThreadsThatItShows) {
  EXPECT_FALSE(ProcRequesters(path_).dying(815));
  std::ofstream(path_ / "815/status") << status({bit(SIGKILL), 0, 0, 0, 0});
  EXPECT_TRUE(ProcRequesters(path_).dying(815));
}

TEST_F(PlainProc, WhoIsNotShownMayBeDying) {
  ProcRequesters requesters(path_);
  EXPECT_TRUE(requesters.dying(816));
  EXPECT_TRUE(requesters.dying(0));  // in another PID namespace
  std::filesystem::remove(path_ / "815/status");
  EXPECT_TRUE(requesters.dying(815));
}

TEST_F(PlainProc, OfAnotherPidNamespaceTellsNothing) {
  std::filesystem::remove(path_ / "self");
  std::filesystem::create_symlink(std::to_string(::getpid() + 1), path_ / "self");
  EXPECT_TRUE(ProcRequesters(path_).dying(815));
  std::filesystem::remove(path_ / "self");
  EXPECT_TRUE(ProcRequesters(path_).dying(815));
}

TEST(RealProc, ThreadsLiveUntilTheyHaveEnded) {
  ProcRequesters requesters;
  EXPECT_FALSE(requesters.dying(::getpid()));
  pid_t tid = 0;
  bool other_dying = true;
  std::thread other([&] {
    tid = static_cast<pid_t>(::syscall(SYS_gettid));
    other_dying = requesters.dying(tid);
  });
  other.join();
  EXPECT_FALSE(other_dying);  // a thread beside the first one is shown, too
  // join() returns a moment before the thread is gone for the kernel.
  while (std::filesystem::exists(core::format("/proc/{}", tid))) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(requesters.dying(tid));
}

}  // namespace
