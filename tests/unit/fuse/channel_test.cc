#include "fuse/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace {

using core::ErrorKind;
using fuse::Channel;
using fuse::find_mount;

constexpr const char* kMountinfo =
    "22 27 0:20 / /sys rw,nosuid - sysfs sysfs rw\n"
    "36 27 0:41 / /mnt/my\\040data rw shared:5 master:1 - fuse.stsfs oss://b/with\\040blank rw\n"
    "37 27 0:42 / /mnt/twice rw - ext4 /dev/sda1 rw\n"
    "38 27 0:43 / /mnt/twice ro - fuse.stsfs oss://b rw,user_id=0\n";

TEST(FindMount, ReadsTypeAndSource) {
  EXPECT_EQ(find_mount(kMountinfo, "/sys").type, "sysfs");
  EXPECT_EQ(find_mount(kMountinfo, "/mnt/my data").source, "oss://b/with blank");
  EXPECT_EQ(find_mount(kMountinfo, "/mnt").type, "");
}

TEST(FindMount, TheUppermostMountCounts) {
  EXPECT_EQ(find_mount(kMountinfo, "/mnt/twice").type, "fuse.stsfs");
}

TEST(FindMount, AHalfLineIsNoMount) {
  EXPECT_EQ(find_mount("36 27 0:41 / /mnt rw -", "/mnt").type, "");
}

TEST(FuseConf, SharingIsALineOfItsOwn) {
  EXPECT_TRUE(fuse::allows_other("# comment\n  user_allow_other  \n"));
  EXPECT_FALSE(fuse::allows_other("#user_allow_other\nmount_max = 1000\n"));
  EXPECT_FALSE(fuse::allows_other(""));
}

class MountPoint : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = ::testing::TempDir() + "mount_point_XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  void TearDown() override {
    ::unlink((directory_ + "/file").c_str());
    ::rmdir(directory_.c_str());
  }
  static core::Error refusal(const std::string& mount_point) {
    auto channel = Channel::mount({"oss://b", mount_point, false, false});
    EXPECT_FALSE(channel);
    return channel ? core::Error{} : channel.error();
  }
  std::string directory_;
};

TEST_F(MountPoint, MustExist) {
  const core::Error error = refusal(directory_ + "/none");
  EXPECT_EQ(error.kind, ErrorKind::NotFound);
  EXPECT_NE(error.message.find("mkdir -p " + directory_ + "/none"), std::string::npos);
}

TEST_F(MountPoint, MustBeADirectory) {
  const std::string file = directory_ + "/file";
  ::close(::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const core::Error error = refusal(file);
  EXPECT_EQ(error.kind, ErrorKind::NotDirectory);
  EXPECT_NE(error.message.find(file), std::string::npos);
}

}  // namespace
