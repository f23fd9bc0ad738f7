// Many callers at once: nothing acknowledged is lost, nothing deadlocks, no data race
// (ThreadSanitizer runs this suite too).
#include <atomic>
#include <thread>

#include "core/format.h"
#include "core/random.h"
#include "fixture.h"

namespace fs_test {
namespace {

class Concurrency : public FileSystemTest {
 protected:
  /// Runs `work(i)` on `count` threads and waits for all.
  static void run(int count, const std::function<void(int)>& work) {
    std::vector<std::thread> threads;
    threads.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
      threads.emplace_back([&work, i] { work(i); });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }

  /// What programs of one thread do: every step may fail because the directory is just elsewhere.
  bool try_put(const std::string& path, std::string_view text) {
    const auto slash = path.rfind('/');
    const auto directory = stat(path.substr(0, slash));
    if (!directory) {
      return false;
    }
    const auto created =
        fs_->create(request_, directory->attributes.inode, path.substr(slash + 1), 0644, O_RDWR);
    if (!created) {
      return false;
    }
    const auto handle = created->opened.handle;
    const bool written = fs_->write(request_, handle, 0, core::as_bytes(text)).has_value();
    const bool flushed = fs_->flush(request_, handle).has_value();
    fs_->release(request_, handle);
    fs_->forget(created->entry.attributes.inode, 1);
    return written && flushed;
  }
};

TEST_F(Concurrency, NothingAcknowledgedIsLostWhileDirectoriesMove) {
  constexpr int kWriters = 4;
  constexpr int kFiles = 60;
  ASSERT_TRUE(mkdir("a"));
  ASSERT_TRUE(mkdir("b"));
  std::mutex mutex;
  std::map<std::string, std::string> acknowledged;
  std::atomic<int> writing = kWriters;
  run(kWriters + 2, [&](int i) {
    if (i < kWriters) {
      for (int n = 0; n < kFiles; ++n) {
        const std::string name = core::format("f{}-{}", i, n);
        const std::string text = "content of " + name;
        for (const char* directory : {"a/", "b/", "c/"}) {
          if (try_put(directory + name, text)) {
            const std::lock_guard lock(mutex);
            acknowledged[name] = text;
            break;
          }
        }
      }
      --writing;
      return;
    }
    if (i == kWriters) {
      while (writing > 0) {
        (void)fs_->rename(request_, kRoot, "a", kRoot, "c", 0).has_value();
        (void)fs_->rename(request_, kRoot, "c", kRoot, "a", 0).has_value();
      }
      return;
    }
    while (writing > 0) {
      (void)list("").has_value();
      (void)list("b").has_value();
      (void)fs_->status();
    }
  });
  EXPECT_GT(acknowledged.size(), 1U);
  std::map<std::string, std::string> stored;
  for (const std::string& key : store_.keys()) {
    if (!key.ends_with('/')) {
      EXPECT_TRUE(stored.emplace(base(key), *store_.content(key)).second) << key << " twice";
    }
  }
  for (const auto& [name, text] : acknowledged) {
    EXPECT_EQ(stored[name], text) << name;
  }
  EXPECT_EQ(fs_->status().dirty_files, 0U);
}

TEST_F(Concurrency, OneFileWithManyWritersReadersAndSyncers) {
  constexpr std::size_t kPiece = 4096;
  constexpr int kThreads = 4;
  store_.set("p/f", std::string(kPiece * kThreads, '.'));
  run(kThreads, [&](int i) {
    const std::string piece(kPiece, static_cast<char>('a' + i));
    const auto offset = static_cast<std::uint64_t>(i) * kPiece;
    for (int round = 0; round < 30; ++round) {
      // The first to write fetches; some finds may meet an upload of another thread.
      const auto opened = open("f", O_RDWR);
      ASSERT_THAT(opened, IsOk());
      ASSERT_TRUE(fs_->write(request_, opened->handle, offset, core::as_bytes(piece)));
      EXPECT_EQ(*read(opened->handle, offset, kPiece), piece);
      const auto closed = close(opened->handle);
      ASSERT_THAT(closed, IsOk());
    }
  });
  std::string wanted;
  for (int i = 0; i < kThreads; ++i) {
    wanted += std::string(kPiece, static_cast<char>('a' + i));
  }
  EXPECT_EQ(store_.content("p/f"), wanted);
  EXPECT_EQ(fs_->status().conflicts, 0U);
}

TEST_F(Concurrency, SameNamesMadeRenamedAndRemovedByEverybody) {
  ASSERT_TRUE(mkdir("d"));
  const InodeNumber directory = inode("d");
  std::atomic<int> exclusive_wins = 0;
  run(5, [&](int i) {
    core::Random random(static_cast<std::uint64_t>(i) + 1);
    for (int round = 0; round < 80; ++round) {
      const std::string one = core::format("n{}", random.below(4));
      const std::string two = core::format("n{}", random.below(4));
      switch (random.below(5)) {
        case 0:
          (void)try_put("d/" + one, one);
          break;
        case 1:
          (void)fs_->unlink(request_, directory, one).has_value();
          break;
        case 2:
          (void)fs_->rename(request_, directory, one, directory, two, 0).has_value();
          break;
        case 3:
          (void)cat("d/" + one).has_value();
          break;
        default:
          if (const auto made = fs_->create(request_, directory, "x", 0600, O_RDWR | O_EXCL)) {
            // While it is there nobody else can make it.
            EXPECT_EQ(++exclusive_wins, 1);
            --exclusive_wins;
            EXPECT_TRUE(fs_->unlink(request_, directory, "x"));
            fs_->release(request_, made->opened.handle);
            fs_->forget(made->entry.attributes.inode, 1);
          }
      }
    }
  });
  EXPECT_TRUE(fs_->drain({}));
  const auto listed = names("d");
  std::vector<std::string> stored;
  for (const std::string& key : store_.keys()) {
    if (key != "p/d/") {
      stored.push_back(base(key));
    }
  }
  EXPECT_EQ(listed, stored);
}

}  // namespace
}  // namespace fs_test
