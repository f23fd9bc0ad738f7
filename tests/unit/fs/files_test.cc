// Reading and writing, and what goes to the bucket when.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "core/format.h"
#include "fixture.h"

namespace fs_test {
namespace {

using Files = FileSystemTest;

TEST_F(Files, CreateWriteCloseIsOneUploadAndNothingElseButTheLookup) {
  store_.reset_counts();
  EXPECT_THAT(stat("new"), FailsWith(ErrorKind::NotFound));
  EXPECT_EQ(store_.requests(), 2U) << "one HEAD, one LIST";
  const auto created = create("new", 0640);
  ASSERT_TRUE(created);
  ASSERT_TRUE(write(created->opened.handle, "hello"));
  EXPECT_EQ(store_.requests(), 2U);
  ASSERT_TRUE(close(created->opened.handle));
  EXPECT_EQ(store_.requests(), 3U);
  EXPECT_EQ(store_.content("p/new"), "hello");
  EXPECT_EQ(store_.meta("p/new")->user.at("mode"), std::to_string(S_IFREG | 0640));
}

TEST_F(Files, EmptyFileAppearsAtClose) {
  const auto created = create("empty");
  ASSERT_TRUE(created);
  EXPECT_EQ(store_.content("p/empty"), std::nullopt);
  ASSERT_TRUE(close(created->opened.handle));
  EXPECT_EQ(store_.content("p/empty"), "");
}

TEST_F(Files, TwoLookupsAreOneHead) {
  store_.set("p/a", "one");
  ASSERT_TRUE(stat("a"));
  ASSERT_TRUE(stat("a"));
  EXPECT_EQ(store_.count(Op::Head), 1U);
  EXPECT_EQ(store_.count(Op::List), 1U);
  expire();
  ASSERT_TRUE(stat("a"));
  EXPECT_EQ(store_.count(Op::Head), 2U);
  EXPECT_EQ(store_.count(Op::List), 1U) << "a known file is confirmed by its HEAD alone";
}

TEST_F(Files, ReadsAnyRange) {
  store_.set("p/a", "0123456789");
  const auto opened = open("a", O_RDONLY);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->no_flush);
  EXPECT_EQ(*read(opened->handle, 3, 4), "3456");
  EXPECT_EQ(*read(opened->handle, 8, 100), "89");
  EXPECT_EQ(*read(opened->handle, 10, 5), "");
}

TEST_F(Files, OverwritesInTheMiddleKeepingTheRest) {
  store_.set("p/a", "0123456789");
  const auto opened = open("a", O_RDWR);
  ASSERT_TRUE(opened);
  ASSERT_TRUE(write(opened->handle, "XX", 4));
  EXPECT_EQ(*read(opened->handle), "0123XX6789");
  EXPECT_EQ(*cat("a"), "0123XX6789") << "every handle of the inode sees it before it is uploaded";
  ASSERT_TRUE(close(opened->handle));
  EXPECT_EQ(store_.content("p/a"), "0123XX6789");
  EXPECT_EQ(*cat("a"), "0123XX6789");
}

TEST_F(Files, TruncationToNothingFetchesNothing) {
  store_.set("p/a", "0123456789");
  ASSERT_TRUE(put("a", "new"));
  EXPECT_EQ(store_.count(Op::Read), 0U);
  EXPECT_EQ(store_.content("p/a"), "new");
}

TEST_F(Files, TruncateOfAClosedFileUploadsAtOnce) {
  store_.set("p/a", "0123456789");
  const auto entry = truncate("a", 4);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->attributes.size, 4U);
  EXPECT_EQ(store_.content("p/a"), "0123");
  ASSERT_TRUE(truncate("a", 6));
  EXPECT_EQ(store_.content("p/a"), std::string("0123\0\0", 6));
}

TEST_F(Files, TruncateOfAFileOpenForWritingWaitsForItsClose) {
  store_.set("p/a", "0123456789");
  const auto opened = open("a", O_WRONLY);
  ASSERT_TRUE(truncate("a", 4));
  EXPECT_EQ(store_.content("p/a"), "0123456789");
  ASSERT_TRUE(close(opened->handle));
  EXPECT_EQ(store_.content("p/a"), "0123");
}

TEST_F(Files, FailedUploadIsReportedKeptAndTriedAgain) {
  const auto created = create("a");
  ASSERT_TRUE(write(created->opened.handle, "precious"));
  store_.fail(on(Op::Put), core::fail(ErrorKind::Unavailable, "503"));
  EXPECT_THAT(fs_->flush(request_, created->opened.handle), FailsWith(ErrorKind::Unavailable));
  EXPECT_EQ(store_.content("p/a"), std::nullopt);
  const auto status = fs_->status();
  EXPECT_EQ(status.dirty_files, 1U);
  EXPECT_EQ(status.dirty_bytes, 8U);
  EXPECT_EQ(status.failed_uploads, 1U);
  EXPECT_THAT(status.last_error, ::testing::HasSubstr("a"));
  EXPECT_EQ(*read(created->opened.handle), "precious");
  ASSERT_TRUE(fs_->fsync(request_, created->opened.handle));
  EXPECT_EQ(store_.content("p/a"), "precious");
  EXPECT_EQ(fs_->status().dirty_files, 0U);
  EXPECT_EQ(fs_->status().failed_uploads, 0U);
}

TEST_F(Files, WhatReleaseCouldNotUploadIsDrained) {
  const auto created = create("a");
  ASSERT_TRUE(write(created->opened.handle, "precious"));
  store_.fail(on(Op::Put, 2), core::fail(ErrorKind::Unavailable, "503"));
  EXPECT_FALSE(close(created->opened.handle));
  fs_->forget(created->entry.attributes.inode, 1);
  EXPECT_EQ(fs_->status().failed_uploads, 1U);
  EXPECT_EQ(*cat("a"), "precious") << "still readable";
  ASSERT_TRUE(fs_->drain({}));
  EXPECT_EQ(store_.content("p/a"), "precious");
}

TEST_F(Files, DrainingUploadsSeveralFilesAtOnce) {
  const auto a = create("a");
  const auto b = create("b");
  ASSERT_THAT(write(a->opened.handle, "of a"), IsOk());
  ASSERT_THAT(write(b->opened.handle, "of b"), IsOk());
  // Each upload waits for the other: real time passes only where they never meet.
  std::mutex mutex;
  std::condition_variable met;
  int here = 0;
  std::atomic<int> alone = 0;
  store_.before(on(Op::Put, 2), [&] {
    std::unique_lock lock(mutex);
    ++here;
    met.notify_all();
    alone += met.wait_for(lock, 10s, [&] { return here == 2; }) ? 0 : 1;
  });
  EXPECT_THAT(fs_->drain({}), IsOk());
  EXPECT_EQ(alone, 0);
  EXPECT_EQ(store_.content("p/a"), "of a");
  EXPECT_EQ(store_.content("p/b"), "of b");
}

TEST_F(Files, DrainingTriesEveryFileAndTellsTheFirstFailure) {
  std::vector<fs::FileHandle> handles;
  for (int i = 0; i < 20; ++i) {
    const auto made = create(core::format("f{:02}", i));
    ASSERT_THAT(write(made->opened.handle, "text"), IsOk());
    handles.push_back(made->opened.handle);
  }
  store_.fail(on(Op::Put, 1), core::fail(ErrorKind::Denied, "403"));
  EXPECT_THAT(fs_->drain({}), FailsWith(ErrorKind::Denied));
  EXPECT_EQ(store_.keys().size(), 19U);
  EXPECT_EQ(fs_->status().dirty_files, 1U);
  EXPECT_THAT(fs_->drain({}), IsOk());
  EXPECT_EQ(store_.keys().size(), 20U);
  for (const fs::FileHandle handle : handles) {
    EXPECT_THAT(close(handle), IsOk());
  }
}

TEST_F(Files, UploadsAgainWhatFailedOnceNobodyWritesIt) {
  const auto closed = create("a");
  ASSERT_TRUE(write(closed->opened.handle, "precious"));
  const auto open = create("b");
  ASSERT_TRUE(write(open->opened.handle, "unfinished"));
  store_.fail(on(Op::Put, 3), core::fail(ErrorKind::Unauthenticated, "no credentials"));
  EXPECT_FALSE(close(closed->opened.handle));
  EXPECT_FALSE(fs_->flush(request_, open->opened.handle));
  ASSERT_TRUE(fs_->retry_uploads({}));
  EXPECT_EQ(store_.content("p/a"), "precious");
  EXPECT_EQ(store_.content("p/b"), std::nullopt) << "its program will say when";
  EXPECT_EQ(fs_->status().dirty_files, 1U);
  ASSERT_TRUE(close(open->opened.handle));
  EXPECT_EQ(store_.content("p/b"), "unfinished");
}

TEST_F(Files, DirtyPagesAfterFlushUploadAtRelease) {
  store_.set("p/a", "0123456789");
  const auto opened = open("a", O_RDWR);
  ASSERT_TRUE(fs_->flush(request_, opened->handle));
  ASSERT_TRUE(write(opened->handle, "mm", 0));
  fs_->release(request_, opened->handle);
  EXPECT_EQ(store_.content("p/a"), "mm23456789");
}

TEST_F(Files, SecondUploadOfAnOpenFileBuildsOnTheFirst) {
  const auto created = create("log");
  for (const char* line : {"one\n", "two\n"}) {
    const auto size = fs_->getattr(request_, created->entry.attributes.inode)->attributes.size;
    ASSERT_TRUE(write(created->opened.handle, line, size));
    ASSERT_TRUE(fs_->fsync(request_, created->opened.handle));
  }
  EXPECT_EQ(store_.content("p/log"), "one\ntwo\n");
  EXPECT_EQ(store_.count(Op::Read), 0U) << "the staged copy stays while somebody writes";
}

TEST_F(Files, ConflictingReplacementKeepsBoth) {
  store_.set("p/a", "base");
  const auto opened = open("a", O_RDWR);
  ASSERT_TRUE(write(opened->handle, "mine"));
  clock_.advance(5s);
  store_.set("p/a", "theirs");
  EXPECT_THAT(fs_->flush(request_, opened->handle), FailsWith(ErrorKind::Changed));
  fs_->release(request_, opened->handle);
  EXPECT_EQ(store_.content("p/a"), "theirs");
  std::string kept;
  for (const std::string& key : store_.keys()) {
    if (key.starts_with("p/a.conflict-here-")) {
      kept = key;
    }
  }
  ASSERT_FALSE(kept.empty());
  EXPECT_EQ(store_.content(kept), "mine");
  EXPECT_EQ(fs_->status().conflicts, 1U);
  EXPECT_EQ(fs_->status().dirty_files, 0U);
  EXPECT_EQ(*cat("a"), "theirs");
  EXPECT_THAT(names(""), ::testing::ElementsAre("a", base(kept)));
}

TEST_F(Files, WhatWasOverwrittenAllTheSameIsFoundOutWhereVersionsAreKept) {
  store_.keep_versions();
  store_.set("p/a", "base");
  const auto overwrite = [&](const std::string& text, bool race) {
    const auto opened = open("a", O_RDWR);
    ASSERT_TRUE(write(opened->handle, text));
    auto held = store_.hold(on(Op::Put));
    auto closing = std::async(std::launch::async, [&] { return close(opened->handle); });
    held.await(1);
    if (race) {
      store_.set("p/a", "theirs");  // behind our look at what is there
    }
    held.release();
    EXPECT_TRUE(closing.get());
  };
  overwrite("mine, in peace", false);
  EXPECT_EQ(metrics_["fs.overwrites_found"].value(), 0);
  EXPECT_EQ(store_.count(Op::Versions), 1U);
  overwrite("mine, in a race", true);
  EXPECT_EQ(metrics_["fs.overwrites_found"].value(), 1);
  EXPECT_THAT(fs_->status().last_error, ::testing::HasSubstr("as version v2"));
  EXPECT_EQ(store_.content("p/a"), "mine, in a race");
  store_.fail(on(Op::Versions), core::fail(ErrorKind::Denied, "403"));
  overwrite("again", true);
  overwrite("and again", true);
  EXPECT_EQ(metrics_["fs.overwrites_found"].value(), 1);
  EXPECT_EQ(store_.count(Op::Versions), 3U) << "who is denied does not ask again";
}

TEST_F(Files, NewFileDoesNotReplaceOneThatCameMeanwhile) {
  const auto created = create("a");
  ASSERT_TRUE(write(created->opened.handle, "mine"));
  store_.set("p/a", "theirs");
  EXPECT_THAT(close(created->opened.handle), FailsWith(ErrorKind::Changed));
  EXPECT_EQ(store_.content("p/a"), "theirs");
  EXPECT_EQ(store_.keys().size(), 2U);
  EXPECT_EQ(*cat("a"), "theirs");
}

TEST_F(Files, UploadWhoseAnswerWasLostIsRecognisedAsOurs) {
  const auto created = create("a");
  ASSERT_TRUE(write(created->opened.handle, "mine"));
  test::Rule rule = on(Op::Put);
  rule.after_effect = true;
  store_.fail(rule, core::fail(ErrorKind::Timeout, "no answer"));
  EXPECT_THAT(fs_->flush(request_, created->opened.handle), FailsWith(ErrorKind::Timeout));
  EXPECT_THAT(close(created->opened.handle), IsOk());
  EXPECT_EQ(store_.keys(), std::vector<std::string>{"p/a"});
}

TEST_F(Files, ReplacedObjectIsStaleOnOldHandlesAndNewOnNewOnes) {
  const std::string old_bytes(3 << 20, 'o');
  store_.set("p/a", old_bytes);
  const auto old_handle = open("a", O_RDONLY);
  EXPECT_EQ(*read(old_handle->handle, 0, 10), std::string(10, 'o'));
  store_.set("p/a", "new");
  expire();
  EXPECT_EQ(*cat("a"), "new");
  EXPECT_THAT(read(old_handle->handle, 3 << 19, 10), FailsWith(ErrorKind::Changed));
}

TEST_F(Files, OpenThatFindsAnotherLengthThanTheKernelKnowsAsksForALookup) {
  store_.set("p/a", "short");
  const auto known = stat("a");
  store_.set("p/a", "much longer");
  EXPECT_THAT(fs_->open(request_, known->attributes.inode, O_RDWR | O_APPEND),
              FailsWith(ErrorKind::Changed));
  const auto again = stat("a");
  EXPECT_EQ(again->attributes.size, 11U);
  EXPECT_TRUE(fs_->open(request_, again->attributes.inode, O_RDWR | O_APPEND));
}

TEST_F(Files, AnotherVersionIsAnotherInode) {
  store_.set("p/a", "one of the old");
  const auto old = stat("a");
  const InodeNumber number = old->attributes.inode;
  const auto handle = fs_->open(request_, number, O_RDONLY);
  store_.set("p/a", "new");
  expire();
  EXPECT_NE(inode("a"), number);
  const auto still = fs_->getattr(request_, number);
  EXPECT_EQ(still->attributes.size, 14U) << "whoever has it open sees what it was";
  EXPECT_EQ(still->attributes.modified, old->attributes.modified);
  EXPECT_THAT(fs_->open(request_, number, O_RDONLY), FailsWith(ErrorKind::Changed));
  EXPECT_THAT(read(handle->handle), FailsWith(ErrorKind::Changed));
  EXPECT_EQ(*cat("a"), "new");
  fs_->release(request_, handle->handle);
  EXPECT_THAT(fs_->getattr(request_, number), FailsWith(ErrorKind::Changed))
      << "by a name, which is to be looked up again";
}

class FakeKernelCache final : public fs::KernelCache {
 public:
  void forget_pages(InodeNumber inode) override { forgotten.set_value(inode); }
  void forget_name(InodeNumber /*directory*/, const std::string& /*name*/) override {}
  std::promise<InodeNumber> forgotten;
};

TEST_F(Files, ReadersStayOutOfThePageCacheWhereToldTo) {
  store_.set("p/a", "content");
  EXPECT_FALSE(open("a", O_RDONLY)->direct_io);
  options_.direct_io = true;
  mount();
  EXPECT_TRUE(open("a", O_RDONLY)->direct_io);
  EXPECT_FALSE(open("a", O_RDWR)->direct_io) << "programs that write may map";
}

TEST_F(Files, DamagedBytesStayNowhere) {
  // More than what comes with open.
  const std::string content((std::size_t{128} << 10U) + 7, 'c');
  store_.set("p/a", content);
  FakeKernelCache kernel;
  fs_->attach(&kernel);
  const InodeNumber number = inode("a");
  auto opened = open("a", O_RDONLY);
  EXPECT_TRUE(opened->keep_cache);
  test::Rule second = on(Op::Read);
  second.offset = std::uint64_t{128} << 10U;
  store_.fail(second, core::fail(ErrorKind::Corrupt, "flipped"));
  EXPECT_THAT(read(opened->handle), FailsWith(ErrorKind::Corrupt));
  EXPECT_EQ(kernel.forgotten.get_future().get(), number);
  opened = open("a", O_RDONLY);
  EXPECT_FALSE(opened->keep_cache) << "nothing that the kernel has is to be trusted";
  clock_.advance(1s);  // a read that failed is not tried at once
  EXPECT_EQ(*read(opened->handle), content);
  EXPECT_TRUE(open("a", O_RDONLY)->keep_cache);
  fs_->attach(nullptr);
}

TEST_F(Files, UnlinkedFileLivesOnInItsHandles) {
  store_.set("p/a", "content");
  const auto reader = open("a", O_RDONLY);
  const auto writer = open("a", O_RDWR);
  const InodeNumber number = inode("a");
  ASSERT_TRUE(unlink("a"));
  EXPECT_EQ(store_.content("p/a"), std::nullopt);
  EXPECT_EQ(*read(reader->handle), "content");
  ASSERT_TRUE(write(writer->handle, "C"));
  EXPECT_EQ(*read(reader->handle), "Content");
  EXPECT_EQ(fs_->getattr(request_, number)->attributes.links, 0U);
  EXPECT_THAT(stat("a"), FailsWith(ErrorKind::NotFound));
  ASSERT_TRUE(close(writer->handle));
  ASSERT_TRUE(put("a", "another"));
  fs_->release(request_, reader->handle);
  EXPECT_EQ(store_.content("p/a"), "another") << "nothing of the old one was uploaded";
}

TEST_F(Files, NeverUploadedFileIsUnlinkedWithoutARequest) {
  const auto created = create("a");
  store_.reset_counts();
  ASSERT_TRUE(unlink("a"));
  ASSERT_TRUE(write(created->opened.handle, "x"));
  ASSERT_TRUE(close(created->opened.handle));
  EXPECT_EQ(store_.requests(), 0U);
}

TEST_F(Files, WritersWaitForTheUploadAndThenGoOn) {
  const auto created = create("a");
  ASSERT_TRUE(write(created->opened.handle, "one"));
  auto hold = store_.hold(on(Op::Put));
  auto flushed =
      std::async(std::launch::async, [&] { return fs_->flush(request_, created->opened.handle); });
  hold.await(1);
  EXPECT_EQ(fs_->status().uploads_under_way, 1U);
  fs::Request hurried = request_;
  hurried.context.deadline = clock_.steady_now();
  EXPECT_THAT(fs_->write(hurried, created->opened.handle, 0, core::as_bytes("x")),
              FailsWith(ErrorKind::Timeout));
  auto written =
      std::async(std::launch::async, [&] { return write(created->opened.handle, "two", 3); });
  hold.release();
  EXPECT_TRUE(flushed.get());
  EXPECT_TRUE(written.get());
  EXPECT_EQ(store_.content("p/a"), "one");
  ASSERT_TRUE(close(created->opened.handle));
  EXPECT_EQ(store_.content("p/a"), "onetwo");
}

TEST_F(Files, NoRoomInTheStagingAreaIsSaidAtWrite) {
  staging_limit_ = 1 << 20;
  mount();
  store_.set("p/big", std::string(2 << 20, 'b'));
  const auto opened = open("big", O_RDWR);
  EXPECT_THAT(write(opened->handle, "x"), FailsWith(ErrorKind::NoSpace));
  EXPECT_EQ(store_.content("p/big")->size(), 2U << 20U);
}

TEST_F(Files, ReadOnlyMountRefusesChanges) {
  options_.read_only = true;
  mount();
  store_.set("p/a", "x");
  EXPECT_THAT(open("a", O_RDWR), FailsWith(ErrorKind::ReadOnly));
  EXPECT_THAT(open("a", O_RDONLY | O_TRUNC), FailsWith(ErrorKind::ReadOnly));
  EXPECT_THAT(create("b"), FailsWith(ErrorKind::ReadOnly));
  EXPECT_THAT(mkdir("d"), FailsWith(ErrorKind::ReadOnly));
  EXPECT_THAT(unlink("a"), FailsWith(ErrorKind::ReadOnly));
  EXPECT_THAT(rename("a", "b"), FailsWith(ErrorKind::ReadOnly));
  EXPECT_THAT(chmod("a", 0600), FailsWith(ErrorKind::ReadOnly));
  EXPECT_EQ(*cat("a"), "x");
}

TEST_F(Files, ExclusiveCreateLosesToWhatIsThere) {
  store_.set("p/a", "x");
  EXPECT_THAT(create("a", 0644, O_RDWR | O_EXCL), FailsWith(ErrorKind::Exists));
  const auto opened = create("a", 0644, O_RDWR);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->entry.attributes.size, 1U);
}

TEST_F(Files, SparseFilesHaveHoles) {
  const auto created = create("a");
  ASSERT_TRUE(write(created->opened.handle, "x", 1'000'000));
  const auto handle = created->opened.handle;
  EXPECT_LE(*fs_->seek(request_, handle, 0, SEEK_DATA), 1'000'000U);
  EXPECT_EQ(*fs_->seek(request_, handle, 1'000'000, SEEK_HOLE), 1'000'001U);
  EXPECT_THAT(fs_->seek(request_, handle, 2'000'000, SEEK_DATA), FailsWith(ErrorKind::OutOfRange));
  ASSERT_TRUE(fs_->fallocate(request_, handle, 0, 0, 2'000'000));
  EXPECT_EQ(fs_->getattr(request_, created->entry.attributes.inode)->attributes.size, 2'000'000U);
  ASSERT_TRUE(close(handle));
  EXPECT_EQ(store_.content("p/a")->size(), 2'000'000U);
}

}  // namespace
}  // namespace fs_test
