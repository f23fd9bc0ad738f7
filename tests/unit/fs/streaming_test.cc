// Content that goes to the bucket while it is written.
#include <thread>

#include "core/format.h"
#include "fixture.h"

namespace fs_test {
namespace {

constexpr std::size_t kPart = 1000;

class Streaming : public FileSystemTest {
 protected:
  Streaming() { mount_with_parts_of(kPart); }

  fs::FileHandle create_open(const std::string& path, int flags = O_RDWR) {
    const auto created = create(path, 0644, flags);
    EXPECT_TRUE(created);
    return created->opened.handle;
  }
  /// Writes on from `at`, in pieces, and returns what was written.
  std::string append(fs::FileHandle handle, std::size_t size, std::size_t at = 0) {
    std::string text;
    while (text.size() < size) {
      const std::string piece = core::format("{:07},", at + text.size());
      EXPECT_TRUE(write(handle, piece, at + text.size()));
      text += piece;
    }
    return text;
  }
  void await_parts(std::int64_t count) {
    while (metrics_["transfer.parts_ahead"].value() < count) {
      std::this_thread::yield();
    }
  }
  core::Status set_modified(const std::string& path, core::WallTime time) {
    TRY_ASSIGN(const Entry found, stat(path));
    fs::AttributeChange change;
    change.modified = time;
    TRY(fs_->setattr(request_, found.attributes.inode, change));
    return {};
  }
};

TEST_F(Streaming, PartsGoUpWhileTheProgramWrites) {
  const auto handle = create_open("a");
  const std::string text = append(handle, 5 * kPart);
  await_parts(5);
  EXPECT_EQ(store_.content("p/a"), std::nullopt);
  EXPECT_EQ(fs_->status().uploads_under_way, 1U);
  EXPECT_EQ(*read(handle), text) << "what was sent can still be read";
  store_.reset_counts();
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/a"), text);
  EXPECT_EQ(store_.count(Op::UploadPart), text.size() > 5 * kPart ? 1U : 0U);
  EXPECT_EQ(store_.count(Op::CompleteUpload), 1U);
  EXPECT_EQ(store_.count(Op::Copy), 0U);
  EXPECT_EQ(fs_->status().uploads_under_way, 0U);
}

TEST_F(Streaming, ItsTimeIsThatOfPublishing) {
  const auto handle = create_open("a");
  append(handle, 5 * kPart);
  await_parts(5);
  clock_.advance(10s);
  ASSERT_TRUE(close(handle));
  const core::WallTime published = store_.meta("p/a")->last_modified;
  EXPECT_EQ(stat("a")->attributes.modified, published);
  EXPECT_FALSE(store_.meta("p/a")->user.contains("mtime"));
  EXPECT_EQ(store_.meta("p/a")->user.at("mode"), std::to_string(S_IFREG | 0644));
  mount();
  EXPECT_EQ(stat("a")->attributes.modified, published);
}

TEST_F(Streaming, ATimeThatWasSetIsKept) {
  const auto handle = create_open("a");
  const std::string text = append(handle, 5 * kPart);
  const core::WallTime wanted = clock_.wall_now() - 1000s;
  ASSERT_TRUE(set_modified("a", wanted));
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.count(Op::Copy), 1U);
  EXPECT_EQ(store_.content("p/a"), text);
  EXPECT_EQ(stat("a")->attributes.modified, wanted);
  mount();
  EXPECT_EQ(stat("a")->attributes.modified, wanted);
}

TEST_F(Streaming, ATimeThatCannotBeSetIsTold) {
  const auto handle = create_open("a");
  const std::string text = append(handle, 5 * kPart);
  const core::WallTime wanted = clock_.wall_now() - 1000s;
  ASSERT_TRUE(set_modified("a", wanted));
  store_.fail(on(Op::Copy), core::fail(ErrorKind::Unavailable, "no"));
  EXPECT_THAT(fs_->flush(request_, handle), FailsWith(ErrorKind::Unavailable));
  EXPECT_EQ(stat("a")->attributes.modified, wanted);
  ASSERT_TRUE(close(handle)) << "all of it once more, over what is there by now";
  EXPECT_EQ(store_.content("p/a"), text);
  EXPECT_EQ(stat("a")->attributes.modified, wanted);
  EXPECT_EQ(fs_->status().conflicts, 0U);
}

TEST_F(Streaming, AnUnlinkedFileLeavesNothing) {
  const auto handle = create_open("a");
  append(handle, 5 * kPart);
  await_parts(3);
  ASSERT_TRUE(unlink("a"));
  ASSERT_TRUE(close(handle));
  mount();
  EXPECT_EQ(store_.open_uploads(), 0U);
  EXPECT_EQ(store_.content("p/a"), std::nullopt);
}

TEST_F(Streaming, ARenamedFileIsPublishedUnderItsNewName) {
  const auto handle = create_open("a");
  std::string text = append(handle, 5 * kPart);
  ASSERT_TRUE(rename("a", "b"));
  text += append(handle, 5 * kPart, text.size());
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/a"), std::nullopt);
  EXPECT_EQ(store_.content("p/b"), text);
  mount();
  EXPECT_EQ(store_.open_uploads(), 0U);
}

TEST_F(Streaming, TruncationToNothingBeginsAnew) {
  const auto handle = create_open("a");
  append(handle, 5 * kPart);
  await_parts(3);
  ASSERT_TRUE(truncate("a", 0));
  const auto before = metrics_["transfer.parts_ahead"].value();
  const std::string text = append(handle, 3 * kPart);
  while (metrics_["transfer.parts_ahead"].value() < before + 3) {
    std::this_thread::yield();
  }
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/a"), text);
  mount();
  EXPECT_EQ(store_.open_uploads(), 0U);
}

TEST_F(Streaming, WhatAShellOpensAndClosesFirstIsSentAhead) {
  const auto handle = create_open("a");
  ASSERT_TRUE(fs_->flush(request_, handle));  // of the descriptor that was duplicated
  const std::string text = append(handle, 4 * kPart);
  await_parts(4);
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/a"), text);
}

TEST_F(Streaming, AFailedPartIsTriedAgainByClose) {
  store_.fail(on(Op::UploadPart), core::fail(ErrorKind::Unavailable, "no"));
  const auto handle = create_open("a");
  const std::string text = append(handle, 5 * kPart);
  while (store_.count(Op::UploadPart) == 0) {
    std::this_thread::yield();
  }
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/a"), text);
}

TEST_F(Streaming, WhatFailsAtTheEndStaysForTheNextTry) {
  const auto handle = create_open("a");
  const std::string text = append(handle, 5 * kPart);
  store_.fail(on(Op::CompleteUpload), core::fail(ErrorKind::Throttled, "no"));
  EXPECT_THAT(fs_->flush(request_, handle), FailsWith(ErrorKind::Throttled));
  EXPECT_EQ(*read(handle), text);
  EXPECT_EQ(fs_->status().failed_uploads, 1U);
  EXPECT_EQ(store_.open_uploads(), 0U);
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/a"), text);
}

TEST_F(Streaming, ItGoesToAConflictNameWhereSomebodyWasFaster) {
  const auto handle = create_open("a");
  const std::string text = append(handle, 5 * kPart);
  store_.set("p/a", "theirs");
  EXPECT_THAT(close(handle), FailsWith(ErrorKind::Changed));
  EXPECT_EQ(store_.content("p/a"), "theirs");
  bool kept = false;
  for (const std::string& key : store_.keys()) {
    kept = kept || (key.starts_with("p/a.conflict-") && store_.content(key) == text);
  }
  EXPECT_TRUE(kept);
  mount();
  EXPECT_EQ(store_.open_uploads(), 0U);
}

TEST_F(Streaming, NothingIsSentAheadWhereItWouldBeDatedTooEarly) {
  auto can = store_.capabilities();
  can.dates_joins_at_end = false;
  store_.set_capabilities(can);
  const auto handle = create_open("a");
  const std::string text = append(handle, 5 * kPart);
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(metrics_["transfer.parts_ahead"].value(), 0);
  EXPECT_EQ(store_.content("p/a"), text);
  EXPECT_TRUE(store_.meta("p/a")->user.contains("mtime"));
}

}  // namespace
}  // namespace fs_test
