#include "ops/control.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/unique_fd.h"
#include "support/results.h"

namespace ops {
namespace {

using test::FailsWith;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/stsfs-control-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TemporaryDirectory() { ::rmdir(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class FakeMount final : public ControlHandler {
 public:
  MountStatus status() override {
    MountStatus status;
    status.source = "oss://bucket";
    status.mount_point = "/mnt/a";
    status.last_error = "a line\nand \xff another";
    return status;
  }
  core::Status unmount(core::Duration timeout, bool lazy, const Report& report) override {
    asked = timeout;
    asked_lazily = lazy;
    report({2, 100});
    report({1, 50});
    return answer;
  }

  core::Status answer;
  std::atomic<core::Duration> asked{};
  std::atomic<bool> asked_lazily = false;
};

class Control : public ::testing::Test {
 protected:
  TemporaryDirectory directory_;
  std::string path_ = control_path(directory_.path(), "/mnt/a");
  FakeMount mount_;
};

TEST_F(Control, CarriesTheStatus) {
  const auto server = ControlServer::listen(path_, mount_);
  ASSERT_TRUE(server);
  const auto json = ControlClient(path_).status();
  ASSERT_TRUE(json) << describe(json.error());
  const auto status = parse_status(*json);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->source, "oss://bucket");
  EXPECT_THAT(status->last_error, HasSubstr("a line\nand "));
}

TEST_F(Control, OnlyTheOwnerMayConnect) {
  const auto server = ControlServer::listen(path_, mount_);
  ASSERT_TRUE(server);
  struct stat about {};
  ASSERT_EQ(::stat(path_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U);
}

TEST_F(Control, ReportsHowFarTheUnmountIsAndHowItEnds) {
  mount_.answer = core::fail(core::ErrorKind::Busy, "process 7 works in it");
  const auto server = ControlServer::listen(path_, mount_);
  ASSERT_TRUE(server);
  std::vector<std::uint64_t> dirty;
  const auto ended = ControlClient(path_).unmount(
      std::chrono::seconds{90}, true, [&](const Progress& at) { dirty.push_back(at.dirty_bytes); });
  EXPECT_THAT(dirty, ElementsAre(100, 50));
  ASSERT_THAT(ended, FailsWith(core::ErrorKind::Busy));
  EXPECT_THAT(ended.error().message, HasSubstr("process 7"));
  EXPECT_EQ(mount_.asked.load(), std::chrono::seconds{90});
  EXPECT_TRUE(mount_.asked_lazily);
}

TEST_F(Control, TakesOverASocketThatNobodyAnswers) {
  {
    const core::UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path_.c_str());
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  EXPECT_THAT(ControlClient(path_).status(), FailsWith(core::ErrorKind::NotFound));
  const auto server = ControlServer::listen(path_, mount_);
  ASSERT_TRUE(server);
  const auto second = ControlServer::listen(path_, mount_);
  ASSERT_THAT(second, FailsWith(core::ErrorKind::Busy));
}

TEST_F(Control, SurvivesNonsense) {
  const auto server = ControlServer::listen(path_, mount_);
  ASSERT_TRUE(server);
  for (const std::string nonsense : {"{\"request\": 7}\n", "[]\n", "\n", "no json", ""}) {
    const core::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path_.c_str());
    ASSERT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::write(fd.get(), nonsense.data(), nonsense.size()),
              static_cast<ssize_t>(nonsense.size()));
  }
  EXPECT_TRUE(ControlClient(path_).status());
}

TEST(DrainProgress, TellsWhatIsLeftOnceThatCanBeTold) {
  Progress progress;
  progress.dirty_files = 3;
  progress.dirty_bytes = progress.bytes_to_send = 12 << 20;
  EXPECT_FALSE(progress.left());
  EXPECT_EQ(describe(progress), "3 files, 12.0 MiB to upload");
  progress.elapsed = std::chrono::seconds{2};
  progress.sent_bytes = 4 << 20;
  EXPECT_EQ(progress.left(), std::chrono::seconds{5});
  EXPECT_EQ(describe(progress), "3 files, 12.0 MiB to upload, 2.0 MiB/s, 5s left");
  progress.sent_bytes = 20 << 20;  // some of it twice
  EXPECT_EQ(progress.left(), std::chrono::seconds{1});
}

TEST(ControlPath, DiffersByMountPoint) {
  EXPECT_NE(control_path("/run/stsfs", "/mnt/a"), control_path("/run/stsfs", "/mnt/b"));
  EXPECT_THAT(control_path("/run/stsfs", "/mnt/a"),
              ::testing::MatchesRegex("/run/stsfs/[0-9a-f]{16}\\.sock"));
}

}  // namespace
}  // namespace ops
