#include "core/file_watch.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/mutex.h"

namespace {

namespace stdfs = std::filesystem;
using namespace std::chrono_literals;

class FileWatchTest : public ::testing::Test {
 protected:
  FileWatchTest() {
    std::string name = ::testing::TempDir() + "watchXXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~FileWatchTest() override { stdfs::remove_all(folder_); }
  FileWatchTest(const FileWatchTest&) = delete;
  FileWatchTest& operator=(const FileWatchTest&) = delete;

  void watch(const std::vector<std::string>& names) {
    std::vector<std::string> paths;
    for (const std::string& name : names) {
      paths.push_back(path(name));
    }
    auto watch = watcher_->watch(paths, [this] {
      const core::MutexLock lock(mutex_);
      ++calls_;
      changed_.notify_all();
    });
    ASSERT_TRUE(watch) << describe(watch.error());
    watch_ = *std::move(watch);
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& text = "x") const {
    std::ofstream(path(name)) << text;
  }
  void link(const std::string& target, const std::string& name) const {
    stdfs::create_symlink(target, path(name) + ".new");
    stdfs::rename(path(name) + ".new", path(name));
  }
  /// Waits for a call after those seen so far.
  ::testing::AssertionResult told() {
    const core::MutexLock lock(mutex_);
    const auto end = core::BootClock::now() + 30s;
    while (calls_ == seen_ && core::BootClock::now() < end) {
      changed_.wait_until(mutex_, end);
    }
    const bool called = calls_ > seen_;
    seen_ = calls_;
    return called ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << "not told";
  }
  int calls() {
    const core::MutexLock lock(mutex_);
    return calls_;
  }

  std::string folder_;
  std::unique_ptr<core::FileWatcher> watcher_ = core::system_file_watcher();
  core::Mutex mutex_{core::LockRank::Leaf};
  core::CondVar changed_;
  int calls_ GUARDED_BY(mutex_) = 0;
  int seen_ GUARDED_BY(mutex_) = 0;
  std::unique_ptr<core::FileWatch> watch_;
};

TEST_F(FileWatchTest, SeesAFileWrittenReplacedRemovedAndMadeAgain) {
  write("f");
  watch({"f"});
  write("f", "y");
  EXPECT_TRUE(told());
  write("g");
  stdfs::rename(path("g"), path("f"));
  EXPECT_TRUE(told());
  ASSERT_EQ(::chmod(path("f").c_str(), 0600), 0);
  EXPECT_TRUE(told());
  stdfs::remove(path("f"));
  EXPECT_TRUE(told());
  write("f");
  EXPECT_TRUE(told());
}

TEST_F(FileWatchTest, WaitsForWhatDoesNotExistYet) {
  watch({"a/b/f"});
  stdfs::create_directories(path("a/b"));
  EXPECT_TRUE(told());
  write("a/b/f");
  EXPECT_TRUE(told());
}

// As Kubernetes' drivers rotate: a folder of its own for each generation behind a link.
TEST_F(FileWatchTest, SeesASwappedLink) {
  stdfs::create_directory(path("one"));
  stdfs::create_directory(path("two"));
  write("one/f");
  write("two/f");
  link("one", "current");
  watch({"current", "current/f"});
  for (const char* target : {"two", "one", "two"}) {
    link(target, "current");
    EXPECT_TRUE(told()) << target;
  }
  write("two/f", "y");  // where it leads now is watched
  EXPECT_TRUE(told());
}

TEST_F(FileWatchTest, SeesALinkInsideAFolderSwapped) {
  stdfs::create_directories(path("volume/..one"));
  stdfs::create_directories(path("volume/..two"));
  write("volume/..one/f");
  write("volume/..two/f");
  link("..one", "volume/..data");
  link("..data/f", "volume/f");
  watch({"volume"});
  link("..two", "volume/..data");
  EXPECT_TRUE(told());
}

TEST_F(FileWatchTest, SeesAFolderFurtherUpReplaced) {
  stdfs::create_directories(path("a/b"));
  write("a/b/f");
  watch({"a/b/f"});
  for (int i = 0; i < 3; ++i) {
    stdfs::create_directories(path("new/b"));
    write("new/b/f");
    stdfs::rename(path("a"), path("old" + std::to_string(i)));
    stdfs::rename(path("new"), path("a"));
    EXPECT_TRUE(told());
  }
  write("a/b/f", "y");
  EXPECT_TRUE(told());
}

TEST_F(FileWatchTest, HearsNothingOfNeighboursAndOneWordOfABurst) {
  write("f");
  watch({"f"});
  for (int i = 0; i < 100; ++i) {
    write("neighbour" + std::to_string(i));
    write("f", std::to_string(i));
  }
  EXPECT_TRUE(told());
  write("neighbour");
  write("f");
  EXPECT_TRUE(told());
  EXPECT_LE(calls(), 30);  // a burst is told once a second at least
  write("neighbour");
  watch_.reset();  // the end: what mattered would have been told
  const int before = calls();
  write("f");
  EXPECT_EQ(calls(), before);
}

}  // namespace
