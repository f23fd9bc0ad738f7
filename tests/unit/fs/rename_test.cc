// Renaming: what is copied, what stays readable, what a failure leaves behind.
#include <cstdio>

#include "core/format.h"
#include "fixture.h"

namespace fs_test {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

using Rename = FileSystemTest;

TEST_F(Rename, CopiesThenDeletesAndKeepsTheModificationTime) {
  store_.set("p/a", "x", meta({{"mtime", "1000000000.5"}, {"other", "kept"}}));
  const InodeNumber number = inode("a");
  clock_.advance(1h);
  store_.reset_counts();
  ASSERT_TRUE(rename("a", "b"));
  EXPECT_EQ(store_.count(Op::Copy), 1U);
  EXPECT_EQ(store_.count(Op::Remove), 1U);
  EXPECT_EQ(store_.count(Op::Put), 0U);
  EXPECT_EQ(store_.keys(), std::vector<std::string>{"p/b"});
  EXPECT_EQ(store_.meta("p/b")->user.at("mtime"), "1000000000.500000000");
  EXPECT_EQ(store_.meta("p/b")->user.at("other"), "kept");
  EXPECT_EQ(inode("b"), number);
  EXPECT_THAT(stat("a"), FailsWith(ErrorKind::NotFound));
  EXPECT_EQ(stat("b")->attributes.modified, core::wall_from_unix(1000000000, 500'000'000));
}

TEST_F(Rename, AtomicSaveReplacesTheTarget) {
  ASSERT_TRUE(put("doc", "v0"));
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(put("tmp", core::format("v{}", i)));
    ASSERT_TRUE(rename("tmp", "doc"));
    EXPECT_EQ(*cat("doc"), core::format("v{}", i));
  }
  EXPECT_THAT(names(""), ElementsAre("doc"));
}

TEST_F(Rename, ReadersOfBothNamesGoOn) {
  store_.set("p/a", "source");
  store_.set("p/b", "target");
  const auto source = open("a", O_RDONLY);
  const auto target = open("b", O_RDONLY);
  ASSERT_TRUE(rename("a", "b"));
  EXPECT_EQ(*read(source->handle), "source");
  EXPECT_EQ(*read(target->handle), "target");
  EXPECT_EQ(*cat("b"), "source");
}

TEST_F(Rename, OpenFileGoesOnUnderItsNewName) {
  const auto created = create("a");
  ASSERT_TRUE(write(created->opened.handle, "one"));
  ASSERT_TRUE(rename("a", "b"));
  ASSERT_TRUE(write(created->opened.handle, "two", 3));
  ASSERT_TRUE(close(created->opened.handle));
  EXPECT_EQ(store_.keys(), std::vector<std::string>{"p/b"});
  EXPECT_EQ(store_.content("p/b"), "onetwo");
}

TEST_F(Rename, DirtyFileIsPublishedBeforeItMoves) {
  store_.set("p/a", "base");
  const auto opened = open("a", O_RDWR);
  ASSERT_TRUE(write(opened->handle, "B"));
  store_.fail(on(Op::Put), core::fail(ErrorKind::Unavailable, "503"));
  EXPECT_THAT(rename("a", "b"), FailsWith(ErrorKind::Unavailable));
  EXPECT_EQ(store_.keys(), std::vector<std::string>{"p/a"});
  ASSERT_TRUE(rename("a", "b"));
  EXPECT_EQ(store_.keys(), std::vector<std::string>{"p/b"});
  EXPECT_EQ(store_.content("p/b"), "Base");
}

TEST_F(Rename, FailedDeleteLeavesWhatWasWrittenUnderBothNames) {
  store_.set("p/a", "base");
  store_.set("p/b", "target");
  const auto opened = open("a", O_RDWR);
  ASSERT_TRUE(write(opened->handle, "B"));
  store_.fail(on(Op::Remove, 1, "p/a"), core::fail(ErrorKind::Unavailable, "503"));
  EXPECT_THAT(rename("a", "b"), FailsWith(ErrorKind::Unavailable));
  EXPECT_EQ(store_.content("p/a"), "Base");
  EXPECT_EQ(store_.content("p/b"), "Base");
  ASSERT_TRUE(rename("a", "b"));
  EXPECT_EQ(store_.keys(), std::vector<std::string>{"p/b"});
  EXPECT_EQ(store_.content("p/b"), "Base");
}

TEST_F(Rename, ReplacedFileGoesOnInItsHandlesThoughTheDeleteFailed) {
  store_.set("p/a", "source");
  store_.set("p/b", "target");
  const auto opened = open("b", O_RDWR);
  store_.fail(on(Op::Remove, 1, "p/a"), core::fail(ErrorKind::Unavailable, "503"));
  EXPECT_THAT(rename("a", "b"), FailsWith(ErrorKind::Unavailable));
  EXPECT_EQ(*cat("b"), "source");
  ASSERT_TRUE(write(opened->handle, "T"));
  EXPECT_EQ(*read(opened->handle), "Target");
  ASSERT_TRUE(close(opened->handle));
  EXPECT_EQ(store_.content("p/b"), "source");
}

TEST_F(Rename, FailedDeleteTakesTheCopyBack) {
  store_.set("p/a", "x");
  store_.fail(on(Op::Remove, 1, "p/a"), core::fail(ErrorKind::Denied, "AccessDenied"));
  EXPECT_THAT(rename("a", "b"), FailsWith(ErrorKind::Denied));
  EXPECT_EQ(store_.keys(), std::vector<std::string>{"p/a"});
  expire();
  EXPECT_EQ(*cat("a"), "x");
  EXPECT_THAT(stat("b"), FailsWith(ErrorKind::NotFound));
}

TEST_F(Rename, RefusesWhatPosixRefuses) {
  store_.set("p/file", "x");
  store_.set("p/other", "y");
  store_.set("p/d/sub/f", "x");
  ASSERT_TRUE(mkdir("empty"));
  EXPECT_THAT(rename("file", "d"), FailsWith(ErrorKind::IsDirectory));
  EXPECT_THAT(rename("empty", "file"), FailsWith(ErrorKind::NotDirectory));
  EXPECT_THAT(rename("empty", "d"), FailsWith(ErrorKind::NotEmpty));
  EXPECT_THAT(rename("d/sub", "d"), FailsWith(ErrorKind::NotEmpty));
  EXPECT_THAT(rename("d", "d/sub/d"), FailsWith(ErrorKind::InvalidArgument));
  EXPECT_THAT(rename("none", "x"), FailsWith(ErrorKind::NotFound));
  EXPECT_THAT(rename("file", "other", RENAME_NOREPLACE), FailsWith(ErrorKind::Exists));
  EXPECT_THAT(rename("file", "other", RENAME_EXCHANGE), FailsWith(ErrorKind::Unsupported));
  EXPECT_THAT(rename("file", "file"), IsOk());
  EXPECT_EQ(store_.content("p/other"), "y");
  ASSERT_TRUE(rename("file", "new", RENAME_NOREPLACE));
}

TEST_F(Rename, NoReplaceHoldsAgainstOthersToo) {
  store_.set("p/a", "mine");
  EXPECT_THAT(stat("b"), FailsWith(ErrorKind::NotFound));
  inode("a");
  store_.set("p/b", "theirs");
  EXPECT_THAT(rename("a", "b", RENAME_NOREPLACE), FailsWith(ErrorKind::Exists));
  EXPECT_EQ(store_.content("p/a"), "mine");
  EXPECT_EQ(store_.content("p/b"), "theirs");
}

TEST_F(Rename, DirectoryTakesEverythingAlong) {
  ASSERT_TRUE(mkdir("d", 0700));
  ASSERT_TRUE(put("d/clean", "clean"));
  store_.set("p/d/sub/deep", "deep");
  store_.set("p/d/a//b", "odd");
  ASSERT_TRUE(put("d/dirty", "base"));
  const auto dirty = open("d/dirty", O_RDWR);
  ASSERT_TRUE(write(dirty->handle, "D"));
  const auto fresh = create("d/fresh");
  ASSERT_TRUE(write(fresh->opened.handle, "fresh"));
  const auto reader = open("d/sub/deep", O_RDONLY);
  ASSERT_TRUE(rename("d", "e"));
  EXPECT_THAT(store_.keys(),
              ElementsAre("p/e/", "p/e/a//b", "p/e/clean", "p/e/dirty", "p/e/sub/deep"));
  EXPECT_EQ(stat("e")->attributes.mode, mode_t{S_IFDIR | 0700});
  EXPECT_EQ(*read(reader->handle), "deep");
  ASSERT_TRUE(close(dirty->handle));
  ASSERT_TRUE(close(fresh->opened.handle));
  EXPECT_EQ(store_.content("p/e/dirty"), "Dase");
  EXPECT_EQ(store_.content("p/e/fresh"), "fresh");
  EXPECT_THAT(stat("d"), FailsWith(ErrorKind::NotFound));
  EXPECT_EQ(fs_->status().conflicts, 0U);
  EXPECT_EQ(*cat("e/clean"), "clean");
}

TEST_F(Rename, DirectoryReplacesAnEmptyOne) {
  ASSERT_TRUE(mkdir("d"));
  ASSERT_TRUE(put("d/f", "x"));
  ASSERT_TRUE(mkdir("e"));
  ASSERT_TRUE(rename("d", "e"));
  EXPECT_EQ(*cat("e/f"), "x");
  EXPECT_THAT(names(""), ElementsAre("e"));
}

TEST_F(Rename, FailureInTheMiddleOfADirectoryLosesNothing) {
  for (int i = 0; i < 100; ++i) {
    store_.set(core::format("p/d/{:03}", i), "x");
  }
  const auto before = store_.keys();
  store_.fail(on(Op::Copy, 1, "p/e/050"), core::fail(ErrorKind::Unavailable, "503"));
  EXPECT_THAT(rename("d", "e"), FailsWith(ErrorKind::Unavailable));
  EXPECT_EQ(store_.keys(), before);
  EXPECT_EQ(store_.count(Op::Remove), 0U);
  ASSERT_TRUE(rename("d", "e"));
  EXPECT_EQ(store_.keys().size(), 100U);
  EXPECT_EQ(store_.count(Op::RemoveMany), 2U) << "once to take back, once for the sources";
}

TEST_F(Rename, WhatAFailedOneCouldNotTakeBackIsNotInTheWayOfTheNext) {
  for (int i = 0; i < 50; ++i) {
    store_.set(core::format("p/d/{:03}", i), core::format("{}", i));
  }
  const auto no_credentials = core::fail(ErrorKind::Unauthenticated, "no credentials");
  store_.fail(on(Op::Copy, 1, "p/e/040"), no_credentials);
  store_.fail(on(Op::RemoveMany, 1), no_credentials);
  EXPECT_THAT(rename("d", "e"), FailsWith(ErrorKind::Unauthenticated));
  clock_.advance(2s);
  ASSERT_TRUE(stat("e")) << "its copies are still there";
  // With anything else among them it is a directory like any other.
  store_.set("p/e/other", "somebody's");
  EXPECT_THAT(rename("d", "e"), FailsWith(ErrorKind::NotEmpty));
  store_.erase("p/e/other");
  store_.set("p/e/001", "changed since");
  EXPECT_THAT(rename("d", "e"), FailsWith(ErrorKind::NotEmpty));
  store_.erase("p/e/001");
  ASSERT_TRUE(rename("d", "e"));
  EXPECT_EQ(store_.keys().size(), 50U);
  EXPECT_EQ(store_.content("p/e/040"), "40");
}

TEST_F(Rename, ADirectoryWhoseSourcesStayKeepsItsOldNameToo) {
  store_.set("p/d/f", "x");
  store_.set("p/d/g", "y");
  store_.fail(on(Op::RemoveMany, 1), core::fail(ErrorKind::Denied, "AccessDenied"));
  EXPECT_THAT(rename("d", "e"), FailsWith(ErrorKind::Denied));
  EXPECT_EQ(*cat("e/f"), "x");
  EXPECT_EQ(*cat("d/f"), "x") << "at once, and not when its absence is forgotten";
  EXPECT_THAT(names("d"), ElementsAre("f", "g"));
}

TEST_F(Rename, DirectoryOfAThousandIsCopiedSideBySide) {
  for (int i = 0; i < 1001; ++i) {
    store_.set(core::format("p/d/{:04}", i), "x");
  }
  auto hold = store_.hold(on(Op::Copy, 8));
  auto renamed = std::async(std::launch::async, [&] { return rename("d", "e"); });
  hold.await(8);
  hold.release();
  ASSERT_TRUE(renamed.get());
  EXPECT_EQ(names("e").size(), 1001U);
}

TEST_F(Rename, UploadsBelowAMovingDirectoryWait) {
  ASSERT_TRUE(mkdir("d"));
  ASSERT_TRUE(put("d/f", "base"));
  const auto opened = open("d/f", O_RDWR);
  ASSERT_TRUE(write(opened->handle, "B"));
  auto hold = store_.hold(on(Op::Copy));
  auto renamed = std::async(std::launch::async, [&] { return rename("d", "e"); });
  hold.await(1);
  fs::Request hurried = request_;
  hurried.context.deadline = clock_.steady_now();
  EXPECT_THAT(fs_->flush(hurried, opened->handle), FailsWith(ErrorKind::Timeout))
      << "it must not publish under the old name";
  auto closed = std::async(std::launch::async, [&] { return close(opened->handle); });
  hold.release();
  ASSERT_TRUE(renamed.get());
  ASSERT_TRUE(closed.get());
  EXPECT_THAT(store_.keys(), ElementsAre("p/e/", "p/e/f"));
  EXPECT_EQ(store_.content("p/e/f"), "Base");
}

TEST_F(Rename, IntoAnotherDirectoryKeepsTheEmptiedOne) {
  store_.set("p/from/f", "x");
  ASSERT_TRUE(mkdir("to"));
  ASSERT_TRUE(rename("from/f", "to/f"));
  EXPECT_THAT(store_.keys(), UnorderedElementsAre("p/from/", "p/to/", "p/to/f"));
  expire();
  EXPECT_TRUE(stat("from"));
}

TEST_F(Rename, OppositeMovesOfDirectoriesDoNotDeadlock) {
  ASSERT_TRUE(mkdir("a"));
  ASSERT_TRUE(mkdir("b"));
  const InodeNumber a = inode("a");
  const InodeNumber b = inode("b");
  auto first =
      std::async(std::launch::async, [&] { return fs_->rename(request_, kRoot, "a", b, "a", 0); });
  auto second =
      std::async(std::launch::async, [&] { return fs_->rename(request_, kRoot, "b", a, "b", 0); });
  const bool one = first.get().has_value();
  const bool two = second.get().has_value();
  EXPECT_NE(one, two) << "exactly one of them can come first";
}

TEST_F(Rename, LinksBelowFollowTheirDirectory) {
  ASSERT_TRUE(mkdir("d"));
  ASSERT_TRUE(put("d/f", "x"));
  ASSERT_TRUE(fs_->symlink(request_, inode("d"), "link", "f"));
  ASSERT_TRUE(rename("d", "e"));
  EXPECT_EQ(store_.get_symlink({}, model::ObjectKey("p/e/link"))->target_key, "p/e/f");
  EXPECT_EQ(*fs_->readlink(request_, inode("e/link")), "f");
}

}  // namespace
}  // namespace fs_test
