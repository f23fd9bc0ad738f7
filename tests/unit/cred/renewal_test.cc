#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cred/refresher.h"
#include "cred/source_factory.h"
#include "fake_cloud.h"
#include "support/fake_child_runner.h"
#include "support/fake_clock.h"
#include "support/fake_file_watcher.h"

namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// A mount's provider over a file of profiles, told of changes by the test.
class RenewalTest : public ::testing::Test {
 protected:
  RenewalTest() {
    std::string name = ::testing::TempDir() + "renewalXXXXXX";
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/keys";
  }
  ~RenewalTest() override {
    refresher_.reset();
    std::filesystem::remove_all(folder_);
  }
  RenewalTest(const RenewalTest&) = delete;
  RenewalTest& operator=(const RenewalTest&) = delete;

  void write(const std::string& text) const {
    std::ofstream(path_) << text;
    ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  }
  void start() {
    cred::SourceSettings settings;
    settings.kind = cred::SourceKind::CredentialsFile;
    settings.credentials_file = path_;
    auto source = cred::make_source(settings, {cloud_, service_clock_, programs_});
    ASSERT_TRUE(source);
    cred::RefresherOptions options;
    options.watcher = &watcher_;
    refresher_ = std::make_unique<cred::Refresher>(*std::move(source), service_clock_, options);
    ASSERT_TRUE(refresher_->first({}));
  }
  /// Tells of a change and waits for what `seen` says of the status.
  template <class Seen>
  bool touch(const Seen& seen) {
    EXPECT_TRUE(watcher_.touch(path_));
    const auto end = core::BootClock::now() + 30s;
    while (!seen(refresher_->status()) && core::BootClock::now() < end) {
      std::this_thread::yield();
    }
    return seen(refresher_->status());
  }

  std::string folder_;
  std::string path_;
  test::FakeClock clock_;
  cred::ServiceClock service_clock_{clock_};
  test::FakeCloud cloud_{clock_, 1h};
  test::FakeChildRunner programs_;
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
