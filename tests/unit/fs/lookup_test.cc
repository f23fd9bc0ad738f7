// From names to nodes while others are at it: what was asked before somebody's change must not be
// believed after it. The script of the store puts the change into the middle of the question.
#include <gmock/gmock.h>

#include <string>

#include "fixture.h"
#include "state/object_memory.h"

namespace fs_test {
namespace {

class LookupTest : public FileSystemTest {
 protected:
  core::Result<Entry> look(InodeNumber directory, const std::string& name) {
    return fs_->lookup(request_, directory, name);
  }
  std::int64_t replaced_elsewhere() { return metrics_["fs.replaced_elsewhere"].value(); }
};

TEST_F(LookupTest, WhatWeMadeWhileTheBucketWasAskedIsFound) {
  std::optional<fs::Created> made;
  store_.before(on(Op::Head, 1, "p/a"), [&] {
    made = *fs_->create(request_, kRoot, "a", 0600, O_RDWR);  // not in the bucket yet
  });
  const auto found = look(kRoot, "a");
  ASSERT_TRUE(made);
  ASSERT_THAT(found, IsOk()) << "the bucket said that there is nothing";
  EXPECT_EQ(found->attributes.inode, made->entry.attributes.inode);
  EXPECT_THAT(close(made->opened.handle), IsOk());
  EXPECT_THAT(look(kRoot, "b"), FailsWith(ErrorKind::NotFound));
}

TEST_F(LookupTest, WhatWeReplacedWhileTheBucketWasAskedIsNotBroughtBack) {
  store_.set_symlink("p/a", "p/there");
  store_.before(on(Op::GetSymlink, 1, "p/a"), [&] {  // HEAD has said that it is a link
    ASSERT_THAT(fs_->unlink(request_, kRoot, "a"), IsOk());
    const auto made = fs_->create(request_, kRoot, "a", 0600, O_RDWR);
    ASSERT_THAT(made, IsOk());
    ASSERT_THAT(close(made->opened.handle), IsOk());
    store_.set_symlink("p/a", "p/there");  // so that the question under way goes on as it began
  });
  const auto found = look(kRoot, "a");
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->attributes.mode, mode_t{S_IFREG | 0600});
}

TEST_F(LookupTest, WhatMovedWhileTheBucketWasAskedIsFoundWhereItIs) {
  store_.set("p/d/f", "text");
  const InodeNumber directory = inode("d");
  store_.before(on(Op::Head, 1, "p/d/f"),
                [&] { ASSERT_THAT(fs_->rename(request_, kRoot, "d", kRoot, "e", 0), IsOk()); });
  const auto found = look(directory, "f");
  ASSERT_THAT(found, IsOk()) << "nothing lies under the key that was asked for";
  const auto opened = fs_->open(request_, found->attributes.inode, O_RDONLY);
  ASSERT_THAT(opened, IsOk());
  EXPECT_THAT(read(opened->handle), IsOkAnd("text"));
  EXPECT_THAT(look(kRoot, "d"), FailsWith(ErrorKind::NotFound));
}

TEST_F(LookupTest, WhatWeWroteWhileTheBucketWasAskedStays) {
  store_.set("p/a", "old");
  const auto opened = open("a", O_RDWR);
  expire();
  store_.before(on(Op::Head, 1, "p/a"),
                [&] { ASSERT_THAT(write(opened->handle, "of ours, and longer"), IsOk()); });
  const auto found = look(kRoot, "a");
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->attributes.size, 19U) << "the bucket spoke of three bytes";
  EXPECT_THAT(close(opened->handle), IsOk());
  EXPECT_EQ(store_.content("p/a"), "of ours, and longer");
}

TEST_F(LookupTest, WhatWeSetWhileTheBucketWasAskedIsNotTakenBack) {
  store_.set_symlink("p/a", "p/there");
  const InodeNumber link = inode("a");
  expire();
  fs::AttributeChange change;
  change.modified = core::wall_from_unix(1'000'000);
  store_.before(on(Op::GetSymlink, 1, "p/a"), [&] {  // HEAD has said when it was modified
    ASSERT_THAT(fs_->setattr(request_, link, change), IsOk());
  });
  const auto shown = fs_->getattr(request_, link);
  ASSERT_THAT(shown, IsOk());
  EXPECT_EQ(shown->attributes.modified, *change.modified);
  EXPECT_EQ(store_.count(Op::PutSymlink), 1U);
}

TEST_F(LookupTest, AnErrorIsNoAbsence) {
  store_.set("p/a", "text");
  store_.fail(on(Op::Head, 1, "p/a"), core::fail(ErrorKind::Unavailable, "503"));
  const auto failed = look(kRoot, "a");
  ASSERT_THAT(failed, FailsWith(ErrorKind::Unavailable));
  EXPECT_THAT(failed.error().message, ::testing::HasSubstr("look up a"));
  EXPECT_THAT(look(kRoot, "a"), IsOk()) << "nor is it remembered";
}

TEST_F(LookupTest, ANameReplacedElsewhereGetsANodeOfItsOwnAndHandlesKeepTheirs) {
  store_.set("p/a", "first");
  const auto old = open("a", O_RDONLY);
  ASSERT_THAT(old, IsOk());
  const InodeNumber number = inode("a");
  EXPECT_THAT(read(old->handle), IsOkAnd("first"));
  store_.set("p/a", "second and longer");
  expire();
  const auto found = look(kRoot, "a");
  ASSERT_THAT(found, IsOk());
  EXPECT_NE(found->attributes.inode, number);
  EXPECT_EQ(found->attributes.size, 17U);
  EXPECT_EQ(replaced_elsewhere(), 1);
  const auto kept = fs_->getattr(request_, number);
  ASSERT_THAT(kept, IsOk());
  EXPECT_EQ(kept->attributes.size, 5U);
  EXPECT_EQ(kept->attributes.links, 0U);
  EXPECT_THAT(cat("a"), IsOkAnd("second and longer"));
}

TEST_F(LookupTest, TheSameBytesOfAnotherTypeAreAnotherThing) {
  store_.set("p/a", "", meta({{"mode", std::to_string(S_IFREG | 0600)}}));
  const InodeNumber file = inode("a");
  store_.set("p/a", "", meta({{"mode", std::to_string(S_IFIFO | 0600)}}));  // ETag as before
  expire();
  const auto found = look(kRoot, "a");
  ASSERT_THAT(found, IsOk());
  EXPECT_NE(found->attributes.inode, file);
  EXPECT_EQ(found->attributes.mode, mode_t{S_IFIFO | 0600});
}

TEST_F(LookupTest, OtherMetadataOfTheSameVersionIsTheSameNode) {
  store_.set("p/a", "text", meta({{"mode", std::to_string(S_IFREG | 0600)}}));
  const InodeNumber file = inode("a");
  store_.set("p/a", "text", meta({{"mode", std::to_string(S_IFREG | 0640)}}));
  expire();
  const auto found = look(kRoot, "a");
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->attributes.inode, file);
  EXPECT_EQ(found->attributes.mode, mode_t{S_IFREG | 0640});
  EXPECT_EQ(replaced_elsewhere(), 0);
}

TEST_F(LookupTest, ADirectoryThatIsGoneStaysWhileContentOfOursLiesInIt) {
  store_.set("p/d/f", "theirs");
  const InodeNumber directory = inode("d");
  const auto made = create("d/ours");
  ASSERT_THAT(write(made->opened.handle, "text"), IsOk());
  store_.erase("p/d/f");
  expire();
  const auto kept = look(kRoot, "d");
  ASSERT_THAT(kept, IsOk());
  EXPECT_EQ(kept->attributes.inode, directory);
  EXPECT_THAT(close(made->opened.handle), IsOk());
  EXPECT_EQ(store_.content("p/d/ours"), "text");

  store_.erase("p/d/ours");
  expire();
  EXPECT_THAT(look(kRoot, "d"), FailsWith(ErrorKind::NotFound)) << "now there is nothing";
}

TEST_F(LookupTest, WhatAnotherLifeHasLearntIsFoundUnderItsOwnKey) {
  const auto memory =
      state::ObjectMemory::open(directory_ + "/memory", "test", {}, clock_, metrics_);
  memory_ = memory.get();
  mount();
  store_.set("p/a", "text", meta({{"mode", std::to_string(S_IFREG | 0600)}}));
  clock_.advance(3s);  // Last-Modified tells this state from any later one
  const InodeNumber number = inode("a");
  mount();
  EXPECT_THAT(list("", false), IsOk());  // names alone, and what is remembered of them
  store_.reset_counts();
  const auto found = look(kRoot, "a");
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(store_.count(Op::Head), 0U);
  EXPECT_EQ(found->attributes.inode, number);
  EXPECT_EQ(found->attributes.mode, mode_t{S_IFREG | 0600});
  EXPECT_THAT(cat("a"), IsOkAnd("text"));
  fs_.reset();
  memory_ = nullptr;
}

}  // namespace
}  // namespace fs_test
