// Changes of objects that are too big to be moved for them.
#include <thread>

#include "core/format.h"
#include "fixture.h"

namespace fs_test {
namespace {

constexpr std::size_t kPart = 1000;
constexpr std::size_t kLeast = 100;  // bytes of a part

class Partial : public FileSystemTest {
 protected:
  Partial() {
    mount_with_parts_of(kPart);
    auto can = store_.capabilities();
    can.min_part_bytes = kLeast;
    store_.set_capabilities(can);
    for (int i = 0; text_.size() < 10 * kPart; ++i) {
      text_ += core::format("{:07},", i);
    }
    store_.set("p/a", text_);
  }
  fs::FileHandle open_big(int flags = O_RDWR) {
    const auto opened = open("a", flags);
    EXPECT_TRUE(opened);
    store_.reset_counts();
    return opened->handle;
  }
  std::uint64_t sent() {
    return static_cast<std::uint64_t>(metrics_["transfer.bytes_uploaded"].value());
  }
  /// What the program did to the file, and to the text.
  void change(fs::FileHandle handle, std::size_t at, const std::string& with) {
    EXPECT_TRUE(write(handle, with, at));
    text_.resize(std::max(text_.size(), at + with.size()));
    text_.replace(at, with.size(), with);
  }

  std::string text_;
};

TEST_F(Partial, AChangeMovesNoMoreThanAPartMustHave) {
  const auto handle = open_big();
  change(handle, 5000, "changed");
  EXPECT_EQ(*read(handle), text_) << "the rest is the object's";
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/a"), text_);
  EXPECT_EQ(sent(), kLeast);
  EXPECT_EQ(store_.count(Op::UploadPart), 1U);
  EXPECT_EQ(store_.count(Op::UploadPartCopy), 2U);
  EXPECT_EQ(store_.count(Op::Put), 0U);
}

TEST_F(Partial, OpeningMovesNothing) {
  const auto handle = open_big();
  change(handle, text_.size(), "one line\n");
  EXPECT_EQ(store_.bytes_read(), 0U);
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/a"), text_);
  EXPECT_EQ(store_.bytes_read(), 0U);
  EXPECT_EQ(sent(), 9U);
}

TEST_F(Partial, ShorterAndLongerAgainIsZeros) {
  const auto handle = open_big();
  fs::AttributeChange shorter;
  shorter.size = 4000;
  ASSERT_TRUE(fs_->setattr(request_, handle.inode, shorter));
  fs::AttributeChange longer;
  longer.size = 6000;
  ASSERT_TRUE(fs_->setattr(request_, handle.inode, longer));
  text_.resize(4000);
  text_.resize(6000, '\0');
  EXPECT_EQ(*read(handle), text_);
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/a"), text_);
}

TEST_F(Partial, GoesOnOverWhatItPublished) {
  const auto handle = open_big();
  for (int i = 0; i < 3; ++i) {
    change(handle, text_.size(), "another line\n");
    store_.reset_counts();
    ASSERT_TRUE(fs_->flush(request_, handle));
    EXPECT_EQ(store_.content("p/a"), text_);
    EXPECT_EQ(store_.bytes_read(), 0U);
  }
  EXPECT_LE(sent(), 3 * kLeast);
  change(handle, 10, "x");
  EXPECT_EQ(*read(handle), text_);
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/a"), text_);
}

TEST_F(Partial, ANewFileGoesOnOverWhatItPublished) {
  const auto created = create("new");
  ASSERT_TRUE(created);
  const auto handle = created->opened.handle;
  ASSERT_TRUE(write(handle, text_));
  ASSERT_TRUE(fs_->flush(request_, handle));
  const std::uint64_t before = sent();
  ASSERT_TRUE(write(handle, "more", text_.size()));
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/new"), text_ + "more");
  EXPECT_LE(sent() - before, kLeast);
}

TEST_F(Partial, SomebodyElseReplacedIt) {
  const auto handle = open_big();
  change(handle, 5000, "changed");
  store_.set("p/a", "another");
  EXPECT_THAT(read(handle, 0, 10), FailsWith(ErrorKind::Changed)) << "never of two versions";
  EXPECT_THAT(read(handle, 5000, 7), IsOkAnd("changed"));
  const auto status = fs_->flush(request_, handle);
  EXPECT_THAT(status, FailsWith(ErrorKind::Changed));
  EXPECT_THAT(status.error().message, testing::HasSubstr("zeros that nobody wrote"));
  fs_->release(request_, handle);
  EXPECT_EQ(store_.content("p/a"), "another");
  std::string kept;
  for (const std::string& key : store_.keys()) {
    kept = key.find(".conflict-") != std::string::npos ? key : kept;
  }
  const auto apart = store_.content(kept);
  ASSERT_TRUE(apart);
  EXPECT_EQ(apart->size(), text_.size());
  EXPECT_EQ(apart->substr(5000, 7), "changed");
  EXPECT_EQ(store_.open_uploads(), 0U);
}

TEST_F(Partial, AConflictThatCannotBeKeptYetLosesNothing) {
  const std::string before = text_;
  const auto handle = open_big();
  change(handle, 5000, "changed");
  store_.erase("p/a");
  test::Rule rule = on(Op::StartUpload);
  rule.skip = 2;  // to the place, and apart with the rest of the object
  store_.fail(rule, core::fail(ErrorKind::Unavailable, "503"));
  EXPECT_THAT(fs_->flush(request_, handle), FailsWith(ErrorKind::Unavailable));
  store_.set("p/a", before);
  EXPECT_THAT(read(handle), IsOkAnd(text_));
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/a"), text_);
}

TEST_F(Partial, ReplacedWhileItsPartsAreCopied) {
  const auto handle = open_big();
  change(handle, 5000, "changed");
  store_.before(on(Op::UploadPartCopy), [&] { store_.set("p/a", "another"); });
  EXPECT_THAT(fs_->flush(request_, handle), FailsWith(ErrorKind::Changed));
  EXPECT_EQ(store_.content("p/a"), "another");
  fs_->release(request_, handle);
}

TEST_F(Partial, ALostAnswerToACopyIsAskedForAgain) {
  const auto handle = open_big();
  change(handle, 5000, "changed");
  test::Rule rule = on(Op::UploadPartCopy);
  rule.after_effect = true;
  store_.fail(rule, core::fail(ErrorKind::Unavailable, "reset"));
  EXPECT_THAT(fs_->flush(request_, handle), FailsWith(ErrorKind::Unavailable));
  EXPECT_EQ(store_.open_uploads(), 0U);
  ASSERT_TRUE(close(handle)) << "nothing is lost by that";
  EXPECT_EQ(store_.content("p/a"), text_);
}

TEST_F(Partial, WhatIsRemovedWhileOpenIsFetchedFirst) {
  const auto handle = open_big();
  change(handle, 5000, "changed");
  ASSERT_TRUE(fs_->unlink(request_, kRoot, "a"));
  EXPECT_EQ(*read(handle), text_);
  ASSERT_TRUE(close(handle));
  EXPECT_TRUE(store_.keys().empty());
}

TEST_F(Partial, AnAppendableObjectIsAppendedTo) {
  auto can = store_.capabilities();
  can.append = true;
  store_.set_capabilities(can);
  store_.set_appendable("p/log", "line 1\n");
  const auto opened = open("log", O_RDWR | O_APPEND);
  ASSERT_TRUE(opened);
  ASSERT_TRUE(write(opened->handle, "line 2\n", 7));
  test::Rule lost = on(Op::Append);
  lost.after_effect = true;
  store_.fail(lost, core::fail(ErrorKind::Unavailable, "reset"));
  EXPECT_THAT(fs_->flush(request_, opened->handle), FailsWith(ErrorKind::Unavailable));
  ASSERT_TRUE(fs_->flush(request_, opened->handle)) << "it is there already";
  ASSERT_TRUE(write(opened->handle, "line 3\n", 14));
  ASSERT_TRUE(close(opened->handle));
  EXPECT_EQ(store_.content("p/log"), "line 1\nline 2\nline 3\n");
  EXPECT_EQ(store_.meta("p/log")->type, store::ObjectType::Appendable);
  EXPECT_EQ(store_.count(Op::Put), 0U);
}

TEST_F(Partial, AnAppendableObjectThatIsChangedOtherwiseIsRewritten) {
  store_.set_appendable("p/log", "line 1\n");
  const auto opened = open("log", O_RDWR);
  ASSERT_TRUE(opened);
  ASSERT_TRUE(write(opened->handle, "LINE 1\nline 2\n", 0));
  ASSERT_TRUE(close(opened->handle));
  EXPECT_EQ(store_.content("p/log"), "LINE 1\nline 2\n");
  EXPECT_EQ(store_.count(Op::Append), 0U);
}

TEST_F(Partial, WhatIsAppendedGoesUpWhileItIsWritten) {
  const auto handle = open_big();
  std::string more;
  while (more.size() < 5 * kPart) {
    const std::string piece = core::format("{:07},", more.size());
    ASSERT_TRUE(write(handle, piece, text_.size() + more.size()));
    more += piece;
  }
  while (metrics_["transfer.parts_ahead"].value() < 4) {
    std::this_thread::yield();
  }
  EXPECT_EQ(store_.content("p/a"), text_);
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/a"), text_ + more);
  EXPECT_EQ(store_.bytes_read(), 0U);
  EXPECT_EQ(sent(), more.size());
}

TEST_F(Partial, HolesAreNotSent) {
  constexpr std::uint64_t kMiB = 1U << 20U;
  const auto created = create("sparse");
  ASSERT_TRUE(created);
  ASSERT_TRUE(write(created->opened.handle, "begin"));
  ASSERT_TRUE(write(created->opened.handle, "end", 100 * kMiB));
  ASSERT_TRUE(close(created->opened.handle));
  const auto content = store_.content("p/sparse");
  ASSERT_TRUE(content);
  ASSERT_EQ(content->size(), 100 * kMiB + 3);
  EXPECT_TRUE(content->starts_with("begin"));
  EXPECT_TRUE(content->ends_with("end"));
  EXPECT_EQ(content->find_first_not_of('\0', 5), 100 * kMiB);
  EXPECT_LT(sent(), 64U << 10U);
  EXPECT_EQ(store_.keys().size(), 2U) << "the object of zeros is removed";
}

TEST_F(Partial, WhatIsLeftOpenIsPublishedOnItsWay) {
  const auto handle = open_big();
  change(handle, 5000, "changed");
  ASSERT_TRUE(fs_->publish_due({}, 60s));
  EXPECT_NE(store_.content("p/a"), text_) << "it may be written yet";
  clock_.advance(60s);
  ASSERT_TRUE(fs_->publish_due({}, 60s));
  EXPECT_EQ(store_.content("p/a"), text_);
  for (int i = 0; i < 6; ++i) {
    change(handle, 5000, "changed again");
    clock_.advance(55s);
    ASSERT_TRUE(fs_->publish_due({}, 60s));
  }
  EXPECT_EQ(store_.content("p/a"), text_) << "five minutes without a pause";
  ASSERT_TRUE(close(handle));
}

TEST_F(Partial, ARenameCopiesFromWhereItWas) {
  const auto handle = open_big();
  change(handle, 5000, "changed");
  ASSERT_TRUE(fs_->rename(request_, kRoot, "a", kRoot, "b", 0));
  EXPECT_EQ(*read(handle), text_);
  change(handle, 7000, "again");
  EXPECT_EQ(*read(handle), text_);
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/b"), text_);
  EXPECT_EQ(store_.content("p/a"), std::nullopt);
}

TEST_F(Partial, GoesWithADirectoryThatMovesMeanwhile) {
  ASSERT_TRUE(mkdir("d"));
  store_.set("p/d/a", text_);
  const auto opened = open("d/a", O_RDWR);
  ASSERT_TRUE(opened);
  change(opened->handle, text_.size(), "one line\n");
  ASSERT_TRUE(rename("d", "e"));
  EXPECT_EQ(*read(opened->handle), text_) << "of the copy";
  change(opened->handle, text_.size() + 5000, "another");
  ASSERT_TRUE(fs_->fallocate(request_, opened->handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                             9000, 3000));
  text_.replace(9000, 3000, std::string(3000, '\0'));
  ASSERT_TRUE(close(opened->handle));
  EXPECT_EQ(store_.content("p/e/a"), text_);
  EXPECT_EQ(store_.content("p/d/a"), std::nullopt);
}

}  // namespace
}  // namespace fs_test
