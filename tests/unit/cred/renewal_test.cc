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

TEST_F(RenewalTest, WhatCannotBeWatchedIsUsedAllTheSame) {
  write("access_key_id = one\naccess_key_secret = s\n");
  watcher_.refuse = core::fail(core::ErrorKind::NoSpace, "no watches left");
  start();
  EXPECT_EQ((*refresher_->get({}))->lease.credentials.access_key_id, "one");
}

}  // namespace
