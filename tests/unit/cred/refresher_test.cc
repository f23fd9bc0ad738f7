#include "cred/refresher.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <future>
#include <sstream>
#include <thread>
#include <vector>

#include "core/log.h"
#include "core/unique_fd.h"
#include "unit/cred/refresher_fixture.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using test::Fails;
using test::Got;
using test::RefresherTest;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(RefresherTest, RenewsInTheBackgroundFromThreeQuartersOfTheLifetime) {
  start(900s);
  settle();
  pass(670s);
  EXPECT_EQ(id(), "STS.fake-2");
  pass(55s);
  EXPECT_EQ(id(), "STS.fake-3");
  EXPECT_EQ(sts_->begun(), 3);
  EXPECT_EQ((*get())->version, 3U);
}

// Mounts that started together must not renew together: docs/decisions/0012.
TEST_F(RefresherTest, RenewsTheFirstLeaseAtAnyMomentOfItsLife) {
  core::Duration earliest = 1h;
  core::Duration latest{0};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    options_.seed = seed;
    refresher_.reset();
    start(1h);
    ASSERT_TRUE(refresher().first({}));
    clock_.await_sleepers(1);
    const auto next = refresher().status().next_renewal;
    ASSERT_TRUE(next);
    const auto after = *next - clock_.wall_now();
    EXPECT_GE(after, 6min) << "seed " << seed;
    EXPECT_LE(after, 48min) << "seed " << seed;
    earliest = std::min<core::Duration>(earliest, after);
    latest = std::max<core::Duration>(latest, after);
  }
  EXPECT_LT(earliest, 15min);
  EXPECT_GT(latest, 40min);
}

TEST_F(RefresherTest, AHundredFirstRequestsAreOneFetch) {
  start();
  sts_->hold();
  std::vector<std::future<Got>> requests;
  requests.reserve(100);
  for (int i = 0; i < 100; ++i) {
    requests.push_back(get_async());
  }
  sts_->await_begun(1);
  clock_.await_sleepers(100);  // all of them wait
  sts_->release();
  for (auto& request : requests) {
    const Got got = request.get();
    ASSERT_TRUE(got);
    EXPECT_EQ((*got)->version, 1U);
  }
  EXPECT_EQ(sts_->begun(), 1);
}

TEST_F(RefresherTest, HoldsNoLockWhileItFetches) {
  start();
  sts_->hold();
  refresher();
  sts_->await_begun(1);
  EXPECT_EQ(refresher().status().renewals, 0U);
  refresher().reject(1);
  sts_->release();
}

// A month of one-hour tokens while STS fails a third of its calls.
TEST_F(RefresherTest, RenewsForAMonthWithoutAGap) {
  constexpr std::uint64_t kSeed = 20'240'102;
  RecordProperty("seed", std::to_string(kSeed));
  start(1h);
  sts_->fail_randomly(0.3, kSeed);
  ASSERT_TRUE(refresher().first({})) << "seed " << kSeed;
  const auto end = clock_.steady_now() + 30 * 24h;
  while (clock_.steady_now() < end) {
    step(clock_.steady_now() + 10min);
    clock_.await_sleepers(1);
    const Got got = get();
    ASSERT_TRUE(got) << "seed " << kSeed;
    ASSERT_LT(clock_.steady_now(), *(*got)->lease.expires) << "seed " << kSeed;
  }
  EXPECT_EQ(sts_->most_at_once(), 1);
  EXPECT_GE(sts_->issued(), 30 * 24 * 60 / 49);
  EXPECT_LE(sts_->issued(), 30 * 24 * 60 / 45);
  EXPECT_GT(refresher().status().failures, 200U);
}

TEST_F(RefresherTest, RenewsFifteenMinuteTokensForAWeekAboutEveryElevenMinutes) {
  start(900s);
  ASSERT_TRUE(refresher().first({}));
  pass(7 * 24h);
  EXPECT_GE(sts_->issued(), 7 * 24 * 60 / 12);
  EXPECT_LE(sts_->issued(), 7 * 24 * 60 / 11);
  EXPECT_EQ(sts_->begun(), sts_->issued());
}

TEST_F(RefresherTest, ServesTheLastGoodLeaseToItsLastSecond) {
  start(1h);
  ASSERT_TRUE(refresher().first({}));
  sts_->set_down(test::transient_failure());
  const auto end = *(*get())->lease.expires;
  while (step(end - 2s)) {
  }
  EXPECT_EQ(id(), "STS.fake-1");
  const auto status = refresher().status();
  EXPECT_TRUE(status.degraded);
  EXPECT_THAT(status.last_error, HasSubstr("ServiceUnavailable"));
  // Ten per cent are left for six minutes, at most two seconds a try.
  EXPECT_GT(status.failures, 180U);
}

TEST_F(RefresherTest, SurvivesAnOutageOfTenMinutes) {
  start(1h);
  settle();
  pass(44min);
  sts_->set_down(test::transient_failure());
  pass(10min);
  EXPECT_EQ(id(), "STS.fake-2");
  EXPECT_LT(sts_->begun(), 60);  // it backs off
  sts_->set_down({});
  pass(1min);
  EXPECT_EQ(id(), "STS.fake-3");
  EXPECT_FALSE(refresher().status().degraded);
  EXPECT_EQ(refresher().status().last_error, "");
}

TEST_F(RefresherTest, RequestsWaitForASuccessorAndGetIt) {
  start(1h);
  ASSERT_TRUE(refresher().first({}));
  sts_->set_down(test::transient_failure());
  pass(61min);
  auto request = get_async();
  clock_.await_sleepers(2);
  pass(10s);
  EXPECT_EQ(request.wait_for(0s), std::future_status::timeout);
  sts_->set_down({});
  const Got got = finish(std::move(request));
  ASSERT_TRUE(got) << core::describe(got.error());
  EXPECT_EQ((*got)->version, 2U);
}

TEST_F(RefresherTest, AWaitThatEndsEmptyIsUnauthenticatedAndSaysWhy) {
  start(1h, 30s);
  sts_->set_down(test::transient_failure("connection refused"));
  auto request = get_async();
  const auto began = clock_.steady_now();
  const Got got = finish(std::move(request));
  EXPECT_GE(clock_.steady_now() - began, 30s);
  EXPECT_THAT(got, Fails(ErrorKind::Unauthenticated));
  EXPECT_THAT(got.error().message, HasSubstr("connection refused"));
}

TEST_F(RefresherTest, ACallersDeadlineEndsItsWait) {
  start();
  sts_->hold();
  core::OpContext context;
  context.deadline = clock_.steady_now() + 1s;
  auto request = get_async(context);
  clock_.await_sleepers(1);
  clock_.advance(1s);
  EXPECT_THAT(request.get(), Fails(ErrorKind::Unauthenticated));
  sts_->release();
}

TEST_F(RefresherTest, ACallerMayCancel) {
  start();
  sts_->hold();
  std::stop_source stop;
  core::OpContext context;
  context.stop = stop.get_token();
  auto request = get_async(context);
  clock_.await_sleepers(1);
  stop.request_stop();
  EXPECT_THAT(request.get(), Fails(ErrorKind::Cancelled));
  sts_->release();
}

TEST_F(RefresherTest, FromNinetyPerCentRequestsWaitForTheFlightButNotForever) {
  start(1h);
  ASSERT_TRUE(refresher().first({}));
  sts_->set_down(test::transient_failure());
  pass(55min);
  sts_->hold();
  const int begun = sts_->begun();
  step(clock_.steady_now() + 3s);
  sts_->await_begun(begun + 1);
  auto request = get_async();
  clock_.await_sleepers(1);  // it waits for the flight
  clock_.advance(2s);        // which hangs
  const Got got = request.get();
  ASSERT_TRUE(got);
  EXPECT_EQ((*got)->version, 1U);
  sts_->release();
}

TEST_F(RefresherTest, LooksAtTheWindowsAfterASuspend) {
  start(1h);
  ASSERT_TRUE(refresher().first({}));
  clock_.await_sleepers(1);
  clock_.suspend(50min);
  EXPECT_EQ(id(), "STS.fake-1");  // still good; but asking woke the refresher
  sts_->await_begun(2);
  while (id() != "STS.fake-2") {
    std::this_thread::yield();
  }
  clock_.await_sleepers(1);
  clock_.suspend(3h);
  EXPECT_EQ(id(), "STS.fake-3");
}

TEST_F(RefresherTest, SettingTheWallClockChangesNothing) {
  start(1h);
  ASSERT_TRUE(refresher().first({}));
  for (const core::Duration offset : {core::Duration{-1h}, core::Duration{24h}}) {
    clock_.set_wall_offset(offset);
    const auto before = (*get())->version;
    pass(30min);
    EXPECT_EQ((*get())->version, before);
    pass(24min);
    EXPECT_EQ((*get())->version, before + 1);
  }
}

TEST_F(RefresherTest, LearnsTheServicesClock) {
  start();
  EXPECT_EQ(refresher().clock_offset(), 0s);
  refresher().correct_clock(clock_.wall_now() + 90s);
  EXPECT_EQ(refresher().clock_offset(), 90s);
  clock_.set_wall_offset(-1h);  // carried on by the steady clock
  EXPECT_EQ(refresher().clock_offset(), 1h + 90s);
  clock_.advance(1min);
  EXPECT_EQ(refresher().clock_offset(), 1h + 90s);
}

TEST_F(RefresherTest, StopsPromptlyInTheMiddleOfAFlight) {
  start();
  sts_->hold();
  auto request = get_async();
  sts_->await_begun(1);
  clock_.await_sleepers(1);
  refresher_->stop();
  EXPECT_THAT(request.get(), Fails(ErrorKind::Cancelled));
  EXPECT_THAT(get(), Fails(ErrorKind::Cancelled));
  refresher_->stop();  // twice is fine
}

TEST_F(RefresherTest, StatusSaysWhatAnOperatorWantsToKnow) {
  start(900s);
  settle();
  const auto status = refresher().status();
  EXPECT_EQ(status.source, "fake STS");
  EXPECT_EQ(status.access_key_id, "STS.fake-2");
  EXPECT_EQ(status.expires, clock_.wall_now() + 900s);
  ASSERT_TRUE(status.next_renewal);
  EXPECT_GE(*status.next_renewal, clock_.wall_now() + 675s);
  EXPECT_LE(*status.next_renewal, clock_.wall_now() + 720s);
  EXPECT_EQ(status.renewals, 2U);
  EXPECT_EQ(status.failures, 0U);
  EXPECT_FALSE(status.degraded);
}

TEST_F(RefresherTest, NoSecretReachesLogsStatusOrErrors) {
  const std::string log = ::testing::TempDir() + "refresher_canary.log";
  std::remove(log.c_str());
  ASSERT_TRUE(core::open_log(core::LogLevel::Trace, core::LogTarget::File, log));
  start();
  ASSERT_TRUE(refresher().first({}));
  sts_->fail_next(test::transient_failure());
  refresher().reject(1);
  ASSERT_TRUE(finish(get_async()));
  const auto status = refresher().status();
  refresher_.reset();
  ASSERT_TRUE(core::open_log(core::LogLevel::Info, core::LogTarget::Stderr));
  std::ostringstream written;
  written << std::ifstream(log).rdbuf();
  std::remove(log.c_str());
  EXPECT_THAT(written.str(), HasSubstr("STS.fake-2"));  // the log is really this one
  EXPECT_THAT(written.str() + status.source + status.access_key_id + status.last_error,
              Not(HasSubstr("canary")));
}

/// A log that nobody reads: a pipe, full to the brim.
class FullPipe {
 public:
  FullPipe() : path_(::testing::TempDir() + "cred_log_" + std::to_string(::getpid())) {
    ::unlink(path_.c_str());
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    reader_ = core::UniqueFd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    EXPECT_TRUE(core::open_log(core::LogLevel::Info, core::LogTarget::File, path_));
    const core::UniqueFd writer(::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    const std::string page(4096, '.');
    while (::write(writer.get(), page.data(), page.size()) > 0) {
    }
  }
  ~FullPipe() {
    EXPECT_TRUE(core::open_log(core::LogLevel::Info, core::LogTarget::Stderr));
    ::unlink(path_.c_str());
  }
  FullPipe(const FullPipe&) = delete;
  FullPipe& operator=(const FullPipe&) = delete;
  /// Reads what is there, so that whoever writes goes on.
  std::string drain() {
    std::string all;
    std::string page(4096, '\0');
    for (::ssize_t got = 0; (got = ::read(reader_.get(), page.data(), page.size())) > 0;) {
      all.append(page, 0, static_cast<std::size_t>(got));
    }
    return all;
  }

 private:
  const std::string path_;
  core::UniqueFd reader_;
};

TEST_F(RefresherTest, ALogThatNobodyReadsHoldsUpNoRequest) {
  FullPipe pipe;
  start();
  auto first = mount_async(clock_.steady_now() + 30s);
  EXPECT_EQ(first.wait_for(20s), std::future_status::ready);
  auto request = get_async();
  EXPECT_EQ(request.wait_for(20s), std::future_status::ready);
  auto status = std::async(std::launch::async, [this] { return refresher().status().renewals; });
  EXPECT_EQ(status.wait_for(20s), std::future_status::ready);
  // Now somebody reads it, until the line about the first lease has come.
  std::string log;
  while (log.find("credentials renewed") == std::string::npos) {
    log = log.substr(log.size() - std::min<std::size_t>(log.size(), 100)) + pipe.drain();
    std::this_thread::yield();
  }
  EXPECT_EQ(status.get(), 1U);
  EXPECT_TRUE(request.get());
  clock_.await_sleepers(1);
}

// Tokens of six seconds, half of all calls fail, requests all the time: none fails, none is ever
// handed an expired token, and hardly any has to wait.
TEST_F(RefresherTest, LivesOnSixSecondTokensWhileHalfOfTheCallsFail) {
  constexpr std::uint64_t kSeed = 42;
  start(6s);
  sts_->fail_randomly(0.5, kSeed);
  ASSERT_TRUE(finish(mount_async(clock_.steady_now() + 30s))) << "seed " << kSeed;
  int dry = 0;
  const auto end = clock_.steady_now() + 10min;
  while (clock_.steady_now() < end) {
    step(clock_.steady_now() + 100ms);
    clock_.await_sleepers(1);
    Got got = probe();
    if (!got) {
      ++dry;
      got = finish(get_async());
    }
    ASSERT_TRUE(got) << "seed " << kSeed << ": " << core::describe(got.error());
    ASSERT_LT(clock_.steady_now(), *(*got)->lease.expires);
  }
  EXPECT_LE(dry, 2) << "seed " << kSeed;
  EXPECT_EQ(sts_->most_at_once(), 1);
  EXPECT_GE(sts_->issued(), 100);
  EXPECT_LE(sts_->issued(), 134);
}

}  // namespace
