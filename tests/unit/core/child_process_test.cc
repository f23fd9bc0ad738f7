#include "core/child_process.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "support/results.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using test::FailsWith;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ChildProcess : public ::testing::Test {
 protected:
  core::Result<core::ChildEnd> run(const std::string& script, core::Duration limit = 60s,
                                   std::vector<std::string> environment = {}) {
    core::OpContext context;
    context.deadline = core::BootClock::now() + limit;
    context.stop = stop_.get_token();
    return runner_->run(context, {{"/bin/sh", "-c", script}, std::move(environment)}, complaints_);
  }
  std::unique_ptr<core::ChildRunner> runner_ = core::system_child_runner();
  std::vector<std::string> complaints_;
  std::stop_source stop_;
};

TEST_F(ChildProcess, GivesOutputComplaintsAndExitCode) {
  const auto end = run("echo out; echo one >&2; printf 'two' >&2; exit 3");
  ASSERT_TRUE(end) << describe(end.error());
  EXPECT_EQ(end->exit_code, 3);
  EXPECT_EQ(end->output, core::Secret("out\n"));
  EXPECT_THAT(complaints_, ElementsAre("one", "two"));
  EXPECT_EQ(run("kill -9 $$")->exit_code, 128 + SIGKILL);
}

TEST_F(ChildProcess, InheritsNothing) {
  ASSERT_EQ(::setenv("STSFS_CANARY", "seen", 1), 0);
  const auto end = run("pwd; cat; env | grep -v -e PWD -e SHLVL -e '^_='; ls /proc/self/fd | wc -w",
                       60s, {"A=b c"});
  ASSERT_TRUE(end);
  // ls itself opens the folder: 0, 1, 2 and that.
  EXPECT_EQ(std::string(end->output.reveal()), "/\nA=b c\n4\n");
}

TEST_F(ChildProcess, IsKilledWithAllItStartedWhenItsTimeIsUp) {
  const auto begun = core::BootClock::now();
  const auto end = run("echo waiting >&2; sleep 1000 & echo $! >&2; wait", 300ms);
  ASSERT_THAT(end, FailsWith(ErrorKind::Timeout));
  EXPECT_LT(core::BootClock::now() - begun, 60s);
  ASSERT_EQ(complaints_.size(), 2U);
  // Gone, or dead and not yet waited for by whoever inherited it.
  const std::string grandchild = "/proc/" + complaints_[1] + "/stat";
  for (;;) {
    std::ifstream file(grandchild);
    std::string stat;
    if (!std::getline(file, stat) || stat.find(") Z ") != std::string::npos) {
      break;
    }
    std::this_thread::sleep_for(10ms);
  }
}

TEST_F(ChildProcess, WaitsForNobodyWhoInheritedItsOutput) {
  const auto end = run("sleep 1000 & echo done");
  ASSERT_TRUE(end) << describe(end.error());
  EXPECT_EQ(end->output, core::Secret("done\n"));
}

TEST_F(ChildProcess, IsKilledWhenItPrintsTooMuch) {
  for (const char* script : {"head -c 10000000 /dev/zero", "yes"}) {
    const auto end = run(script);
    ASSERT_THAT(end, FailsWith(ErrorKind::TooLarge));
    EXPECT_THAT(end.error().message, HasSubstr("1.0 MiB"));
  }
  EXPECT_EQ(run("head -c 1048576 /dev/zero")->output.reveal().size(), 1UL << 20);
}

TEST_F(ChildProcess, KeepsComplaintsShort) {
  ASSERT_TRUE(run("yes | head -n 5000 >&2; head -c 5000 /dev/zero | tr '\\0' x >&2"));
  EXPECT_EQ(complaints_.size(), 200U);
  complaints_.clear();
  ASSERT_TRUE(run("head -c 5000 /dev/zero | tr '\\0' x >&2"));
  ASSERT_EQ(complaints_.size(), 1U);
  EXPECT_EQ(complaints_[0].size(), 1000U);
}

TEST_F(ChildProcess, CanBeCancelled) {
  auto running = std::async(std::launch::async, [&] { return run("sleep 1000"); });
  stop_.request_stop();
  const auto end = running.get();
  ASSERT_THAT(end, FailsWith(ErrorKind::Cancelled));
}

TEST_F(ChildProcess, SaysWhyItCannotBeStarted) {
  const auto missing = runner_->run({}, {{"/nonexistent/helper"}, {}}, complaints_);
  ASSERT_THAT(missing, FailsWith(ErrorKind::NotFound));
  EXPECT_THAT(missing.error().message, HasSubstr("/nonexistent/helper"));
  EXPECT_THAT(runner_->run({}, {{"/etc/passwd"}, {}}, complaints_), FailsWith(ErrorKind::Denied));
}

}  // namespace
