// A handle of a directory is a snapshot that grows: what happens to it while the directory changes,
// moves or goes.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "core/format.h"
#include "fixture.h"
#include "fs/numbers.h"

namespace fs_test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

/// Reads a directory piece by piece.
class DirectoriesTest : public FileSystemTest {
 protected:
  void open_directory(const std::string& path) {
    const auto opened = fs_->opendir(request_, inode(path));
    ASSERT_THAT(opened, IsOk());
    handle_ = *opened;
    offset_ = 0;
  }
  void rewind() { offset_ = 0; }
  /// The next names but for the dots, at most `most`.
  core::Result<std::vector<std::string>> next(std::size_t most = 100'000, bool plus = true) {
    std::vector<std::string> found;
    entries_.clear();
    TRY(fs_->readdir(request_, handle_, offset_, plus, [&](const fs::DirectoryEntry& entry) {
      if (found.size() == most) {
        return false;
      }
      offset_ = entry.next_offset;
      if (entry.name != "." && entry.name != "..") {
        found.push_back(entry.name);
        entries_.push_back(entry);
      }
      return true;
    }));
    return found;
  }
  void TearDown() override { fs_->releasedir(handle_); }

  /// More than one page of a listing.
  void fill(const std::string& prefix, int count = 1100) {
    for (int i = 0; i < count; ++i) {
      store_.set(core::format("{}{:04}", prefix, i), "x");
    }
  }

  fs::FileHandle handle_;
  std::uint64_t offset_ = 0;
  std::vector<fs::DirectoryEntry> entries_;
};

TEST_F(DirectoriesTest, OffsetsStayGoodWhileNamesComeAndGo) {
  for (const char* key : {"p/d/a", "p/d/b", "p/d/c", "p/d/e"}) {
    store_.set(key, "x");
  }
  open_directory("d");
  EXPECT_THAT(next(2), IsOkAnd(ElementsAre("a", "b")));
  ASSERT_THAT(unlink("d/a"), IsOk());
  ASSERT_THAT(unlink("d/c"), IsOk());
  ASSERT_THAT(put("d/d", "new"), IsOk());
  EXPECT_THAT(next(), IsOkAnd(ElementsAre("e"))) << "c is removed, d came after the listing";
  EXPECT_THAT(next(), IsOkAnd(IsEmpty()));
}

TEST_F(DirectoriesTest, GoingBackToTheStartListsAnew) {
  store_.set("p/d/a", "x");
  open_directory("d");
  EXPECT_THAT(next(), IsOkAnd(ElementsAre("a")));
  ASSERT_THAT(put("d/b", "new"), IsOk());
  ASSERT_THAT(unlink("d/a"), IsOk());
  EXPECT_THAT(next(), IsOkAnd(IsEmpty())) << "the same reading goes on";
  rewind();
  EXPECT_THAT(next(), IsOkAnd(ElementsAre("b")));
}

TEST_F(DirectoriesTest, WhatWeChangeBetweenTwoPagesIsSeen) {
  fill("p/d/");
  open_directory("d");
  ASSERT_THAT(next(10), IsOk());
  ASSERT_THAT(unlink("d/0500"), IsOk());  // of the page that is there
  ASSERT_THAT(unlink("d/1050"), IsOk());  // of the one to come
  ASSERT_THAT(put("d/2000", "new"), IsOk());
  const auto rest = next();
  ASSERT_THAT(rest, IsOk());
  EXPECT_THAT(*rest, Not(Contains("0500")));
  EXPECT_THAT(*rest, Not(Contains("1050")));
  EXPECT_THAT(*rest, Contains("2000"));
  EXPECT_EQ(rest->size(), 1100U - 10 - 2 + 1);
}

TEST_F(DirectoriesTest, WhoReadsOnFindsTheNextPageAskedFor) {
  fill("p/d/");
  open_directory("d");
  store_.reset_counts();
  ASSERT_THAT(next(10), IsOk());
  EXPECT_EQ(store_.count(test::Op::List), 1U) << "who looks at a few names costs no more";
  test::Rule rule;
  rule.op = test::Op::List;
  auto held = store_.hold(rule);
  ASSERT_THAT(next(200), IsOk());
  held.await(1);
  EXPECT_EQ(store_.count(test::Op::List), 2U);
  // What it will show is from before these.
  ASSERT_THAT(unlink("d/1050"), IsOk());
  ASSERT_THAT(put("d/1060", "new, and longer"), IsOk());
  held.release();
  const auto rest = next();
  ASSERT_THAT(rest, IsOk());
  EXPECT_EQ(rest->size(), 1100U - 210 - 1);
  EXPECT_THAT(*rest, Not(Contains("1050")));
  for (const fs::DirectoryEntry& entry : entries_) {
    if (entry.name == "1060" && entry.complete) {
      EXPECT_EQ(entry.attributes.size, 15U);
    }
  }
}

TEST_F(DirectoriesTest, AHandleThatIsReleasedStopsWhatItAskedFor) {
  fill("p/d/");
  open_directory("d");
  store_.reset_counts();
  test::Rule rule;
  rule.op = test::Op::List;
  rule.skip = 1;
  auto held = store_.hold(rule);
  ASSERT_THAT(next(100), IsOk());
  held.await(1);
  fs_->releasedir(handle_);  // does not hang
  EXPECT_EQ(store_.count(test::Op::List), 2U);
}

TEST_F(DirectoriesTest, APageThatCouldNotBeHadAheadIsAskedForByWhoComes) {
  fill("p/d/");
  open_directory("d");
  store_.reset_counts();
  test::Rule rule;
  rule.op = test::Op::List;
  rule.skip = 1;
  store_.fail(rule, core::fail(core::ErrorKind::Unavailable, "gone"));
  const auto all = next();
  ASSERT_THAT(all, IsOk());
  EXPECT_EQ(all->size(), 1100U);
  EXPECT_EQ(store_.count(test::Op::List), 3U);
}

TEST_F(DirectoriesTest, APageFromBeforeOurChangeMakesNoNodeOfTheOldVersion) {
  options_.attributes = fs::AttributeMode::Plain;
  mount();
  store_.set("p/d/a", "old");
  store_.set("p/d/b", "old");
  open_directory("d");
  EXPECT_THAT(next(1), IsOkAnd(ElementsAre("a")));
  EXPECT_TRUE(entries_[0].complete);
  ASSERT_THAT(put("d/b", "new, and longer"), IsOk());
  fs_->forget(inode("d/b"), 1000);  // so that nothing but the page knows of it
  EXPECT_THAT(next(), IsOkAnd(ElementsAre("b")));
  EXPECT_TRUE(!entries_[0].complete || entries_[0].attributes.size == 15U)
      << "the row of the page speaks of three bytes";
  EXPECT_EQ(stat("d/b")->attributes.size, 15U);
}

TEST_F(DirectoriesTest, ADirectoryThatIsRemovedUnderAHandleIsEmpty) {
  store_.set("p/d/", "");
  store_.set("p/d/a", "x");
  store_.set("p/d/b", "x");
  open_directory("d");
  EXPECT_THAT(next(1), IsOkAnd(ElementsAre("a")));
  ASSERT_THAT(unlink("d/a"), IsOk());
  ASSERT_THAT(unlink("d/b"), IsOk());
  ASSERT_THAT(rmdir("d"), IsOk());
  EXPECT_THAT(next(), IsOkAnd(IsEmpty()));
  ASSERT_THAT(mkdir("d"), IsOk());
  ASSERT_THAT(put("d/b", "of another directory"), IsOk());
  EXPECT_THAT(next(), IsOkAnd(IsEmpty())) << "it has the name, and is another";
  rewind();
  EXPECT_THAT(next(), FailsWith(ErrorKind::NotFound));
}

TEST_F(DirectoriesTest, ADirectoryThatSomebodyReplacesUnderAHandleHandsOutNothingMore) {
  store_.set("p/d/a", "x");
  store_.set("p/d/b", "x");
  open_directory("d");
  EXPECT_THAT(next(1), IsOkAnd(ElementsAre("a")));
  store_.erase("p/d/a");
  store_.erase("p/d/b");
  store_.set("p/d", "a file");
  expire();
  ASSERT_EQ(stat("d")->attributes.mode & S_IFMT, mode_t{S_IFREG});
  EXPECT_THAT(next(), IsOkAnd(IsEmpty()));
}

TEST_F(DirectoriesTest, ADirectoryThatMovesUnderAHandleGoesOnUnderItsNewKeys) {
  options_.attributes = fs::AttributeMode::Plain;  // so that every row makes a node
  options_.metadata_lifetime = 1h;
  mount();
  store_.set("p/above/d/a", "x");
  store_.set("p/above/d/b", "text of b");
  open_directory("above/d");
  EXPECT_THAT(next(1), IsOkAnd(ElementsAre("a")));
  ASSERT_THAT(rename("above", "elsewhere"), IsOk());
  EXPECT_THAT(next(), IsOkAnd(ElementsAre("b")));
  EXPECT_EQ(entries_[0].attributes.inode,
            fs::number_of("p/elsewhere/d/b", store_.version("p/elsewhere/d/b").etag));
  const auto opened = fs_->open(request_, entries_[0].attributes.inode, O_RDONLY);
  ASSERT_THAT(opened, IsOk());
  EXPECT_THAT(read(opened->handle), IsOkAnd("text of b"));
}

TEST_F(DirectoriesTest, AnObjectReplacedElsewhereGetsAnotherNodeFromTheListing) {
  options_.attributes = fs::AttributeMode::Plain;
  mount();
  store_.set("p/d/a", "old");
  open_directory("d");
  ASSERT_THAT(next(), IsOkAnd(ElementsAre("a")));
  const InodeNumber old = entries_[0].attributes.inode;
  const auto handle = fs_->open(request_, old, O_RDONLY);
  store_.set("p/d/a", "new and longer");
  expire();
  rewind();
  ASSERT_THAT(next(), IsOkAnd(ElementsAre("a")));
  EXPECT_TRUE(entries_[0].complete);
  EXPECT_NE(entries_[0].attributes.inode, old);
  EXPECT_EQ(entries_[0].attributes.size, 14U);
  EXPECT_EQ(fs_->getattr(request_, old)->attributes.links, 0U) << "whoever has it open keeps it";
  EXPECT_EQ(metrics_["fs.replaced_elsewhere"].value(), 1);
  fs_->release(request_, handle->handle);
}

TEST_F(DirectoriesTest, NothingIsHandedOutOfWhatSomebodyReleased) {
  open_directory("");
  const fs::FileHandle ended = handle_;
  fs_->releasedir(ended);
  EXPECT_THAT(next(), FailsWith(ErrorKind::Changed));
}

// --- Nodes that nobody needs.

class Eviction : public DirectoriesTest {
 protected:
  std::uint64_t nodes() { return fs_->status().inodes; }
  Entry look(InodeNumber directory, const std::string& name) {
    const auto found = fs_->lookup(request_, directory, name);
    EXPECT_THAT(found, IsOk());
    return found ? *found : Entry{};
  }
};

TEST_F(Eviction, DirectoriesStayAsLongAsTheKernelKnowsSomethingBelow) {
  store_.set("p/a/b/f", "x");
  const InodeNumber a = look(kRoot, "a").attributes.inode;
  const InodeNumber b = look(a, "b").attributes.inode;
  const InodeNumber f = look(b, "f").attributes.inode;
  (void)look(b, "f");
  EXPECT_EQ(nodes(), 4U);
  fs_->forget(a, 1);
  fs_->forget(b, 1);
  fs_->forget(f, 1);
  EXPECT_EQ(nodes(), 4U) << "f was looked up twice";
  EXPECT_THAT(fs_->getattr(request_, f), IsOk());
  fs_->forget(f, 1);
  EXPECT_EQ(nodes(), 1U);
  EXPECT_THAT(fs_->getattr(request_, f), FailsWith(ErrorKind::Changed));
}

TEST_F(Eviction, AHandleKeepsItsNodeUntilItIsReleased) {
  store_.set("p/f", "x");
  const InodeNumber f = look(kRoot, "f").attributes.inode;
  const auto opened = fs_->open(request_, f, O_RDONLY);
  ASSERT_THAT(opened, IsOk());
  fs_->forget(f, 1);
  EXPECT_EQ(nodes(), 2U);
  EXPECT_THAT(read(opened->handle), IsOkAnd("x"));
  fs_->release(request_, opened->handle);
  EXPECT_EQ(nodes(), 1U);
}

TEST_F(Eviction, UnpublishedContentKeepsItsNodeUntilItIsInTheBucket) {
  const auto made = create("f");
  const InodeNumber f = made->entry.attributes.inode;
  ASSERT_THAT(write(made->opened.handle, "text"), IsOk());
  store_.fail(on(Op::Put, 2), core::fail(ErrorKind::Unavailable, "503"));
  EXPECT_THAT(close(made->opened.handle), FailsWith(ErrorKind::Unavailable));
  fs_->forget(f, 1);
  EXPECT_EQ(nodes(), 2U);
  EXPECT_THAT(fs_->drain({}), IsOk());
  EXPECT_EQ(nodes(), 1U);
  EXPECT_EQ(store_.content("p/f"), "text");
}

TEST_F(Eviction, AnUnlinkedFileGoesWithItsLastHandle) {
  store_.set("p/f", "x");
  const auto opened = open("f", O_RDONLY);
  const InodeNumber f = opened->handle.inode;
  ASSERT_THAT(fs_->unlink(request_, kRoot, "f"), IsOk());
  fs_->forget(f, 1);
  EXPECT_EQ(nodes(), 2U);
  fs_->release(request_, opened->handle);
  EXPECT_EQ(nodes(), 1U);
}

TEST_F(Eviction, AListingKeepsOnlyTheNodesThatItHandsOut) {
  options_.attributes = fs::AttributeMode::Plain;
  mount();
  fill("p/", 30);
  open_directory("");
  ASSERT_THAT(next(10, false), IsOk());
  EXPECT_EQ(nodes(), 1U) << "names alone take no count";
  rewind();
  ASSERT_THAT(next(10), IsOk());
  EXPECT_EQ(nodes(), 11U) << "the one that found no room is not counted";
  for (const fs::DirectoryEntry& entry : entries_) {
    EXPECT_TRUE(entry.complete);
    fs_->forget(entry.attributes.inode, 1);
  }
  EXPECT_EQ(nodes(), 1U);
}

TEST_F(Eviction, ALookupThatFindsNothingLeavesNothing) {
  store_.set("p/a/f", "x");
  const InodeNumber a = look(kRoot, "a").attributes.inode;
  EXPECT_THAT(fs_->lookup(request_, a, "none"), FailsWith(ErrorKind::NotFound));
  EXPECT_EQ(nodes(), 2U);
}

}  // namespace
}  // namespace fs_test
