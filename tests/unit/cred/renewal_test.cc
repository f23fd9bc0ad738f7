#include <thread>

#include "cred/refresher.h"
#include "support/fake_file_watcher.h"
#include "unit/cred/source_fixture.h"

namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// A mount's provider over a file of profiles, told of changes by the test.
class RenewalTest : public test::SourceTest {
 protected:
  void write(const std::string& text) const { SourceTest::write("keys", text); }
  void start() {
    cred::SourceSettings settings;
    settings.kind = cred::SourceKind::CredentialsFile;
    settings.credentials_file = path("keys");
    auto source = make(settings);
    ASSERT_TRUE(source);
    cred::RefresherOptions options;
    options.watcher = &watcher_;
    refresher_ = std::make_unique<cred::Refresher>(*std::move(source), service_clock_, options);
    ASSERT_TRUE(refresher_->first({}));
  }
  /// Lets time pass, from one planned step to the next.
  void pass(core::Duration time) {
    for (const auto end = clock_.steady_now() + time; clock_.steady_now() < end;) {
      clock_.await_sleepers(1);
      const auto next = std::min(clock_.next_deadline().value_or(end), end);
      clock_.advance(next - clock_.steady_now());
      clock_.await_sleepers(1);
    }
  }
  /// Tells of a change and waits for what `seen` says of the status.
  template <class Seen>
  bool touch(const Seen& seen) {
    EXPECT_TRUE(watcher_.touch(path("keys")));
    const auto end = core::BootClock::now() + 30s;
    while (!seen(refresher_->status()) && core::BootClock::now() < end) {
      std::this_thread::yield();
    }
    return seen(refresher_->status());
  }

  test::FakeFileWatcher watcher_;
  std::unique_ptr<cred::Refresher> refresher_;
};

TEST_F(RenewalTest, AChangedFileIsARenewal) {
  write("access_key_id = one\naccess_key_secret = s\n");
  start();
  write("access_key_id = two\naccess_key_secret = s\n");
  EXPECT_TRUE(touch([](const auto& status) { return status.access_key_id == "two"; }));
  EXPECT_EQ((*refresher_->get({}))->version, 2U);
}

TEST_F(RenewalTest, ABadFileLeavesTheLastGoodOneInUseUntilItIsGoodAgain) {
  write("access_key_id = one\naccess_key_secret = s\n");
  start();
  write("access_key_id = two\ncanary");
  EXPECT_TRUE(touch([](const auto& status) { return status.degraded; }));
  const cred::ProviderStatus status = refresher_->status();
  EXPECT_THAT(status.last_error, HasSubstr("line 2"));
  EXPECT_THAT(status.last_error, ::testing::Not(HasSubstr("canary")));
  EXPECT_EQ((*refresher_->get({}))->lease.credentials.access_key_id, "one");
  write("access_key_id = one\naccess_key_secret = s\n");
  EXPECT_TRUE(touch([](const auto& now) { return !now.degraded; }));
  EXPECT_EQ((*refresher_->get({}))->version, 1U);  // the same as before
}

// A metadata server, an agent or a driver has the next credentials when it has them.
TEST_F(RenewalTest, WhatNobodyHasRotatedYetIsNoTroubleUntilItIsOverdue) {
  cloud_.issue_to_others();
  write(cloud_.issue_to_others()->ini());
  start();
  pass(54min);
  cred::ProviderStatus status = refresher_->status();
  EXPECT_FALSE(status.degraded);
  EXPECT_EQ(status.failures, 0U);
  EXPECT_EQ(status.last_error, "");
  EXPECT_LE(*status.next_renewal, clock_.wall_now() + 1min);
  pass(2min);
  status = refresher_->status();
  EXPECT_TRUE(status.degraded);
  EXPECT_THAT(status.last_error, HasSubstr("has no newer credentials yet"));
  EXPECT_EQ((*refresher_->get({}))->version, 1U);
  write(cloud_.issue_to_others()->ini());
  pass(1min);
  EXPECT_FALSE(refresher_->status().degraded);
  EXPECT_EQ((*refresher_->get({}))->version, 2U);
}

TEST_F(RenewalTest, WhatCannotBeWatchedIsUsedAllTheSame) {
  write("access_key_id = one\naccess_key_secret = s\n");
  watcher_.refuse = core::fail(core::ErrorKind::NoSpace, "no watches left");
  start();
  EXPECT_EQ((*refresher_->get({}))->lease.credentials.access_key_id, "one");
}

}  // namespace
