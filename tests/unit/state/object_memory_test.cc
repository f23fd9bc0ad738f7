#include "state/object_memory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "support/fake_clock.h"

namespace {

using state::ObjectMemory;
using state::Remembered;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Remembered object(const std::string& key, std::uint64_t inode = 0, const std::string& fact = "v") {
  return {.key = key,
          .etag = model::ETag("0123456789ABCDEF0123456789ABCDEF"),
          .last_modified = core::wall_from_unix(1'700'000'000, 5),
          .inode = inode,
          .facts = {{"mode", fact}, {"empty", ""}}};
}

std::vector<std::string> keys(const std::vector<Remembered>& rows) {
  std::vector<std::string> all;
  for (const Remembered& row : rows) {
    all.push_back(row.key);
  }
  return all;
}

/// With the fake clock nothing is written before flush() or the end.
class Memory : public testing::Test {
 protected:
  Memory() {
    std::string name = (std::filesystem::temp_directory_path() / "memory.XXXXXX").string();
    base_ = ::mkdtemp(name.data());
    path_ = base_ + "/objects";
  }
  ~Memory() override { std::filesystem::remove_all(base_); }

  std::unique_ptr<ObjectMemory> open(const std::string& identity = "oss://b@e",
                                     ObjectMemory::Limits limits = {}) {
    return ObjectMemory::open(path_, identity, limits, clock_, metrics_);
  }
  std::int64_t count(const std::string& name) { return metrics_["state." + name].value(); }
  void overwrite(std::uint64_t at, const std::string& text) const {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << text;
  }

  test::FakeClock clock_;
  core::Metrics metrics_;
  std::string base_;
  std::string path_;
};

TEST_F(Memory, GivesBackWhatItWasTold) {
  const Remembered told = object(std::string("d/\0x", 4), 7, std::string(300, 'f'));
  Remembered plain = object("d/plain/");
  plain.etag = {};
  plain.facts.clear();
  auto memory = open();
  for (const bool written : {false, true}) {
    SCOPED_TRACE(written);
    memory->remember(told);
    memory->remember(plain);
    if (written) {
      memory->flush();
    }
    EXPECT_EQ(memory->find(told.key), told);
    EXPECT_EQ(memory->find(plain.key), plain);
    EXPECT_EQ(memory->by_inode(7), told);
    EXPECT_EQ(memory->find("d/other"), std::nullopt);
    EXPECT_EQ(memory->by_inode(8), std::nullopt);
    EXPECT_EQ(memory->by_inode(0), std::nullopt);
  }
  memory.reset();
  memory = open();  // as after a remount
  EXPECT_EQ(memory->find(told.key), told);
  EXPECT_EQ(memory->find(plain.key), plain);
  EXPECT_EQ(memory->by_inode(7), told);
  EXPECT_EQ(count("objects"), 2);
}

TEST_F(Memory, SiblingsComeInTheOrderOfAListingWithoutWhatLiesBelow) {
  auto memory = open();
  for (const char* key : {"d/b", "d/a/deep", "d/a/", "d/c", "d/", "e", "d/a-", "d/ä"}) {
    memory->remember(object(key));
  }
  for (int written = 0; written < 2; ++written) {
    EXPECT_THAT(keys(memory->between("d/", "", "\xff")),
                ElementsAre("d/a-", "d/a/", "d/b", "d/c", "d/ä"));
    EXPECT_THAT(keys(memory->between("d/", "a/", "b")), ElementsAre("d/a/", "d/b"));
    EXPECT_THAT(keys(memory->between("", "", "\xff")), ElementsAre("d/", "e"));
    EXPECT_THAT(memory->between("d/", "x", "y"), IsEmpty());
    memory->flush();
  }
}

TEST_F(Memory, TheNewestWordCountsWrittenOrNot) {
  auto memory = open();
  memory->remember(object("d/a", 1, "old"));
  memory->remember(object("d/b", 2));
  memory->remember(object("d/c/x", 3));
  memory->flush();
  memory->remember(object("d/a", 1, "new"));
  memory->forget("d/b");
  memory->forget_tree("d/c/");
  memory->remember(object("d/c/y", 4));
  for (int written = 0; written < 2; ++written) {
    EXPECT_EQ(memory->find("d/a")->facts.at("mode"), "new");
    EXPECT_EQ(memory->find("d/b"), std::nullopt);
    EXPECT_EQ(memory->by_inode(2), std::nullopt);
    EXPECT_EQ(memory->by_inode(3), std::nullopt);
    EXPECT_EQ(memory->by_inode(4)->key, "d/c/y");
    EXPECT_THAT(keys(memory->between("d/c/", "", "\xff")), ElementsAre("d/c/y"));
    EXPECT_THAT(keys(memory->between("d/", "", "\xff")), ElementsAre("d/a"));
    memory->flush();
  }
  EXPECT_EQ(count("objects"), 2);
}

TEST_F(Memory, ARenamedObjectIsFoundByItsNumberUnderItsNewKey) {
  auto memory = open();
  memory->remember(object("old", 9));
  memory->flush();
  memory->forget("old");
  memory->remember(object("new", 9));
  EXPECT_EQ(memory->by_inode(9)->key, "new");
  memory->flush();
  EXPECT_EQ(memory->by_inode(9)->key, "new");
}

TEST_F(Memory, ATreeIsForgottenWithItsDirectoryAndNothingElse) {
  auto memory = open();
  for (const char* key : {"t/", "t/a", "t/b/c", "t-", "t0", "s/t/a"}) {
    memory->remember(object(key));
  }
  memory->flush();
  memory->forget_tree("t/");
  for (int written = 0; written < 2; ++written) {
    EXPECT_THAT(memory->between("t/", "", "\xff"), IsEmpty());
    EXPECT_THAT(memory->between("t/b/", "", "\xff"), IsEmpty());
    EXPECT_THAT(keys(memory->between("", "", "\xff")), ElementsAre("t-", "t0"));
    EXPECT_TRUE(memory->find("s/t/a"));
    memory->flush();
  }
  memory->forget_tree("");
  EXPECT_EQ(memory->find("t0"), std::nullopt);
  memory->flush();
  EXPECT_EQ(count("objects"), 0);
}

TEST_F(Memory, ThoseNotUsedForLongGoFirst) {
  auto memory = open("b", {.most_objects = 1600});
  for (int n = 0; n < 4000; ++n) {
    memory->remember(object("d/" + std::to_string(10'000 + n)));
    if (n % 100 == 99) {
      memory->flush();
      EXPECT_THAT(memory->between("d/", "10000", "10009"), SizeIs(10)) << n;  // used all the time
      EXPECT_LE(count("objects"), 1700);
    }
  }
  EXPECT_EQ(memory->find("d/10500"), std::nullopt);
  EXPECT_TRUE(memory->find("d/13900"));
  EXPECT_GE(count("objects_evicted"), 2300);
  EXPECT_GE(count("objects"), 1400);
}

TEST_F(Memory, AFileThatIsFullMakesRoom) {
  auto memory = open("b", {.most_bytes = 1 << 20U});
  for (int n = 0; n < 20'000; ++n) {
    memory->remember(object("d/" + std::to_string(100'000 + n), 0, std::string(100, 'x')));
    if (n % 500 == 0) {
      memory->flush();
    }
  }
  memory->flush();
  EXPECT_LE(std::filesystem::file_size(path_), 1 << 20U);
  EXPECT_TRUE(memory->find("d/119999"));
  EXPECT_EQ(memory->find("d/100000"), std::nullopt);
  EXPECT_EQ(count("changes_dropped"), 0);
  EXPECT_EQ(count("memory_begun_anew"), 0);
}

TEST_F(Memory, WhatDoesNotFitAtAllIsDropped) {
  auto memory = open("b", {.most_bytes = 64 << 10U});
  memory->remember(object("small"));
  memory->flush();
  memory->remember(object("huge", 0, std::string(1 << 20U, 'x')));
  memory->flush();
  EXPECT_EQ(memory->find("huge"), std::nullopt);
  EXPECT_EQ(count("changes_dropped"), 1);
  memory->remember(object("later"));
  memory->flush();
  EXPECT_TRUE(memory->find("later"));
}

TEST_F(Memory, WhatCannotBeForgottenInTheFileTakesTheFileWithIt) {
  auto memory = open("b", {.most_bytes = 64 << 10U});
  memory->remember(object("stale"));
  memory->flush();
  memory->forget("stale");
  memory->remember(object("huge", 0, std::string(1 << 20U, 'x')));
  memory->flush();
  EXPECT_EQ(memory->find("stale"), std::nullopt);
  EXPECT_EQ(count("memory_begun_anew"), 1);
  memory->remember(object("later"));
  memory->flush();
  EXPECT_TRUE(memory->find("later"));
}

TEST_F(Memory, AFullQueueDropsTheNewestAndNoForget) {
  auto memory = open("b", {.most_queued = 10});
  memory->remember(object("gone"));
  memory->flush();
  for (int n = 0; n < 15; ++n) {
    memory->remember(object("d/" + std::to_string(n)));
  }
  memory->forget("gone");
  EXPECT_EQ(count("changes_dropped"), 5);
  EXPECT_TRUE(memory->find("d/9"));
  EXPECT_EQ(memory->find("d/10"), std::nullopt);
  for (int n = 0; n < 100; ++n) {  // more than can wait: all is forgotten
    memory->forget("other/" + std::to_string(n));
  }
  memory->flush();
  memory->remember(object("after"));
  memory->flush();
  EXPECT_EQ(memory->find("gone"), std::nullopt);
  EXPECT_EQ(memory->find("d/9"), std::nullopt);
  EXPECT_TRUE(memory->find("after"));
}

TEST_F(Memory, AnotherBucketBeginsAnew) {
  open("one")->remember(object("a", 12));
  auto memory = open("two");
  EXPECT_EQ(memory->find("a"), std::nullopt);
  EXPECT_EQ(memory->highest_inode(), 0);
  EXPECT_EQ(count("memory_begun_anew"), 1);
  memory->remember(object("b"));
  memory.reset();
  EXPECT_TRUE(open("two")->find("b"));
}

TEST_F(Memory, ANewerSchemaBeginsAnew) {
  open()->remember(object("a"));
  overwrite(60, std::string("\0\0\0\x63", 4));  // user_version in SQLite's header
  auto memory = open();
  EXPECT_EQ(memory->find("a"), std::nullopt);
  EXPECT_EQ(count("memory_begun_anew"), 1);
}

TEST_F(Memory, WhatIsNoDatabaseBeginsAnew) {
  std::ofstream(path_) << std::string(10'000, '?');
  auto memory = open();
  memory->remember(object("a"));
  memory->flush();
  EXPECT_TRUE(memory->find("a"));
  EXPECT_EQ(count("memory_begun_anew"), 1);
}

TEST_F(Memory, AnotherDatabaseBeginsAnew) {
  open()->remember(object("a"));
  overwrite(60, std::string(4, '\0'));  // tables, but none that we made
  EXPECT_EQ(open()->find("a"), std::nullopt);
  EXPECT_EQ(count("memory_begun_anew"), 1);
}

TEST_F(Memory, DamageThatAReadFindsBeginsAnew) {
  {
    auto memory = open();
    for (int n = 0; n < 5000; ++n) {
      memory->remember(object("d/" + std::to_string(n)));
    }
  }
  const auto size = std::filesystem::file_size(path_);
  for (std::uint64_t at = 5 * 4096; at < size; at += 4096) {
    overwrite(at, std::string(64, '\xff'));
  }
  auto memory = open();
  EXPECT_THAT(memory->between("d/", "", "\xff"), IsEmpty());
  memory->remember(object("after"));
  memory->flush();
  EXPECT_EQ(count("memory_begun_anew"), 1);
  EXPECT_TRUE(memory->find("after"));
}

TEST_F(Memory, ARowThatRottedIsNotThere) {
  open()->remember(object("d/a", 0, "here-it-rots"));
  std::string bytes;
  {
    std::ifstream file(path_, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  overwrite(bytes.find("here-it-rots"), "H");
  auto memory = open();
  EXPECT_EQ(memory->find("d/a"), std::nullopt);
  EXPECT_EQ(count("objects_damaged"), 1);
}

TEST_F(Memory, ASecondProcessRemembersNothingUntilTheFirstIsGone) {
  auto first = open();
  first->remember(object("a"));
  first->flush();
  core::Metrics other;
  const auto second = ObjectMemory::open(path_, "oss://b@e", {}, clock_, other);
  second->remember(object("b"));
  second->flush();
  EXPECT_EQ(second->find("a"), std::nullopt);
  EXPECT_EQ(second->find("b"), std::nullopt);
  EXPECT_EQ(other["state.changes_dropped"].value(), 1);
  EXPECT_TRUE(first->find("a"));
  first.reset();
  clock_.advance(std::chrono::minutes{2});
  second->remember(object("b"));
  second->flush();
  EXPECT_TRUE(second->find("a"));
  EXPECT_TRUE(second->find("b"));
}

TEST_F(Memory, AFileThatMissedAForgetIsNotTrusted) {
  auto first = open();
  first->remember(object("a"));
  first->flush();
  const auto second = open();
  second->forget("a");
  first.reset();
  clock_.advance(std::chrono::minutes{2});
  second->remember(object("b"));
  second->flush();
  EXPECT_EQ(second->find("a"), std::nullopt);
  EXPECT_TRUE(second->find("b"));
}

TEST_F(Memory, NowhereToWriteIsNoError) {
  path_ = base_ + "/missing/objects";
  auto memory = open();
  memory->remember(object("a"));
  memory->forget("b");
  memory->flush();
  EXPECT_EQ(memory->find("a"), std::nullopt);
  EXPECT_THAT(memory->between("", "", "\xff"), IsEmpty());
  EXPECT_EQ(memory->by_inode(1), std::nullopt);
}

TEST_F(Memory, OfNoObjectsNoFileIsMade) {
  auto memory = open("b", {.most_objects = 0});
  memory->remember(object("a"));
  memory->flush();
  EXPECT_EQ(memory->find("a"), std::nullopt);
  EXPECT_TRUE(std::filesystem::is_empty(base_));
}

TEST_F(Memory, TheFilesArePrivate) {
  auto memory = open();
  memory->remember(object("a"));
  memory->flush();
  for (const auto& entry : std::filesystem::directory_iterator(base_)) {
    struct stat about {};
    ASSERT_EQ(::stat(entry.path().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U) << entry.path();
  }
}

TEST_F(Memory, TheHighestNumberOutlivesItsObject) {
  auto memory = open();
  memory->remember(object("a", 40));
  memory->remember(object("b", 30));
  EXPECT_EQ(memory->highest_inode(), 40);
  memory->flush();
  memory->forget("a");
  memory.reset();
  EXPECT_EQ(open()->highest_inode(), 40);
}

TEST_F(Memory, WhatIsQueuedIsWrittenWithoutBeingAsked) {
  auto memory = open();
  memory->remember(object("a"));
  clock_.await_sleepers(1);
  clock_.advance(std::chrono::milliseconds{60});
  while (count("objects") == 0) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(memory->find("a"));
}

TEST_F(Memory, ReadersNeverMissWhatWasRememberedBeforeThem) {
  core::SystemClock real;
  auto memory = ObjectMemory::open(path_, "b", {}, real, metrics_);
  std::atomic<int> reached = -1;
  std::atomic<int> missing = 0;
  std::vector<std::jthread> readers;
  for (int r = 0; r < 6; ++r) {
    readers.emplace_back([&] {
      for (int n = 0; n < 3000;) {
        const int told = reached;
        if (told < 0) {
          continue;
        }
        const auto row = memory->find("d/" + std::to_string(told));
        const auto by_number = memory->by_inode(static_cast<std::uint64_t>(told) + 1);
        missing += row && by_number ? 0 : 1;
        n = told + 1;
      }
    });
  }
  for (int n = 0; n < 3000; ++n) {
    memory->remember(object("d/" + std::to_string(n), static_cast<std::uint64_t>(n) + 1));
    if (n >= 100) {
      memory->forget("e/" + std::to_string(n));
    }
    if (n % 500 == 0) {
      memory->flush();
    }
    reached = n;
  }
  readers.clear();
  EXPECT_EQ(missing, 0);
}

}  // namespace
