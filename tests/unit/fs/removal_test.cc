// Many names taken away by one program: what it may count on, and what others see meanwhile.
#include "core/format.h"
#include "fixture.h"
#include "fs/bursts.h"

namespace fs_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr unsigned kFirst = fs::Bursts::kWaitedFor;

TEST(Bursts, BeginAfterAFewThatWentWell) {
  fs::Bursts bursts;
  core::SteadyTime now{1h};
  for (unsigned i = 0; i < kFirst; ++i) {
    EXPECT_FALSE(bursts.is_in_one(7, now));
    bursts.removed(7, now);
  }
  EXPECT_TRUE(bursts.is_in_one(7, now));
  EXPECT_FALSE(bursts.is_in_one(8, now)) << "another program waits for its own";
  EXPECT_TRUE(bursts.is_in_one(7, now + fs::Bursts::kPause));
  EXPECT_FALSE(bursts.is_in_one(7, now + fs::Bursts::kPause + 1ns));
  bursts.failed(7);
  EXPECT_FALSE(bursts.is_in_one(7, now));
}

TEST(Bursts, ManyCallersForgetTheOldest) {
  fs::Bursts bursts;
  core::SteadyTime now{1h};
  for (unsigned i = 0; i < kFirst; ++i) {
    bursts.removed(1, now);
  }
  for (pid_t other = 2; other < 40; ++other) {
    bursts.removed(other, now += 1ms);
  }
  EXPECT_FALSE(bursts.is_in_one(1, now));
}

class RemovalTest : public FileSystemTest {
 protected:
  RemovalTest() {
    request_.pid = 7;
    for (unsigned i = 0; i < 2 * kFirst; ++i) {
      store_.set("p/d/" + name(i), "content");
    }
    store_.set("p/d/", "");
  }
  static std::string name(unsigned i) { return core::format("f{:02}", i); }
  /// Removes the first few, each of which is waited for.
  void begin_burst() {
    for (unsigned i = 0; i < kFirst; ++i) {
      ASSERT_THAT(unlink("d/" + name(i)), IsOk());
      ASSERT_FALSE(store_.content("p/d/" + name(i)));
    }
  }
  std::uint64_t pending() { return fs_->status().deletions_under_way; }
  core::Status sync(const std::string& path) { return fs_->fsyncdir(request_, inode(path)); }
};

TEST_F(RemovalTest, FollowersGoTogetherBehindTheirNames) {
  begin_burst();
  {
    auto held = store_.hold(on(Op::RemoveMany));
    ASSERT_THAT(unlink("d/" + name(kFirst)), IsOk());
    held.await(1);
    for (unsigned i = kFirst + 1; i < 2 * kFirst; ++i) {
      ASSERT_THAT(unlink("d/" + name(i)), IsOk());
    }
    EXPECT_EQ(pending(), kFirst);
    EXPECT_TRUE(store_.content("p/d/" + name(kFirst)));
    EXPECT_THAT(names("d"), IsEmpty()) << "no listing shows them";
  }
  ASSERT_THAT(sync("d"), IsOk());
  EXPECT_EQ(pending(), 0U);
  EXPECT_EQ(store_.count(Op::RemoveMany), 2U);
  EXPECT_THAT(store_.keys(), ElementsAre("p/d/"));
  EXPECT_THAT(stat("d/" + name(kFirst)), FailsWith(ErrorKind::NotFound));
}

TEST_F(RemovalTest, NamesComeBackWhereTheirObjectsStay) {
  begin_burst();
  store_.fail(on(Op::RemoveMany), core::fail(ErrorKind::Denied, "403"));
  ASSERT_THAT(unlink("d/" + name(kFirst)), IsOk());
  EXPECT_THAT(sync("d"), FailsWith(ErrorKind::Denied));
  EXPECT_THAT(sync("d"), IsOk()) << "told once";
  EXPECT_THAT(names("d"), SizeIs(kFirst));
  EXPECT_EQ(*cat("d/" + name(kFirst)), "content");
  EXPECT_THAT(fs_->status().last_error, ::testing::HasSubstr(name(kFirst)));
  store_.fail(on(Op::Remove), core::fail(ErrorKind::Denied, "403"));
  EXPECT_THAT(unlink("d/" + name(kFirst + 1)), FailsWith(ErrorKind::Denied))
      << "the burst is over: each program hears of its own";
}

TEST_F(RemovalTest, RmdirSaysWhyTheDirectoryIsNotEmpty) {
  begin_burst();
  store_.fail(on(Op::RemoveMany, 0), core::fail(ErrorKind::Denied, "403"));
  for (unsigned i = kFirst; i < 2 * kFirst; ++i) {
    (void)unlink("d/" + name(i)).has_value();
  }
  EXPECT_THAT(rmdir("d"), FailsWith(ErrorKind::Denied));
  EXPECT_THAT(rmdir("d"), FailsWith(ErrorKind::NotEmpty));
}

TEST_F(RemovalTest, WhoMakesTheNameAgainWaits) {
  begin_burst();
  auto held = store_.hold(on(Op::RemoveMany));
  ASSERT_THAT(unlink("d/" + name(kFirst)), IsOk());
  held.await(1);
  auto made = std::async(std::launch::async, [&] { return put("d/" + name(kFirst), "new"); });
  auto seen = std::async(std::launch::async, [&] { return stat("d/" + name(kFirst)); });
  EXPECT_EQ(made.wait_for(50ms), std::future_status::timeout);
  held.release();
  EXPECT_THAT(made.get(), IsOk());
  (void)seen.get().has_value();
  EXPECT_EQ(store_.content("p/d/" + name(kFirst)), "new");
}

TEST_F(RemovalTest, DrainingWaitsForThem) {
  begin_burst();
  auto held = store_.hold(on(Op::RemoveMany));
  ASSERT_THAT(unlink("d/" + name(kFirst)), IsOk());
  held.await(1);
  auto drained = std::async(std::launch::async, [&] { return fs_->drain({}); });
  EXPECT_EQ(drained.wait_for(50ms), std::future_status::timeout);
  held.release();
  EXPECT_THAT(drained.get(), IsOk());
  EXPECT_FALSE(store_.content("p/d/" + name(kFirst)));
}

TEST_F(RemovalTest, ASlowServiceIsNotTrustedWithMore) {
  begin_burst();
  auto held = store_.hold(on(Op::RemoveMany));
  ASSERT_THAT(unlink("d/" + name(kFirst)), IsOk());
  held.await(1);
  clock_.advance(1s + 1ns);
  ASSERT_THAT(unlink("d/" + name(kFirst + 1)), IsOk());
  EXPECT_FALSE(store_.content("p/d/" + name(kFirst + 1))) << "waited for";
}

TEST_F(RemovalTest, ATreeGoesWithItsMarkers) {
  for (unsigned d = 0; d < kFirst; ++d) {
    store_.set(core::format("p/t/{}/", d), "");
    store_.set(core::format("p/t/{}/f", d), "x");
  }
  begin_burst();
  for (unsigned d = 0; d < kFirst; ++d) {
    ASSERT_THAT(unlink(core::format("t/{}/f", d)), IsOk());
    ASSERT_THAT(rmdir(core::format("t/{}", d)), IsOk());
  }
  ASSERT_THAT(rmdir("t"), IsOk());
  ASSERT_THAT(fs_->drain({}), IsOk());
  for (const std::string& key : store_.keys()) {
    EXPECT_FALSE(key.starts_with("p/t/")) << key;
  }
}

class Links : public FileSystemTest {
 protected:
  core::Result<Entry> link(const std::string& from, const std::string& to) {
    return fs_->link(request_, inode(from), parent(to), base(to));
  }
};

TEST_F(Links, AreRefusedUnlessAskedFor) {
  store_.set("p/a", "x");
  EXPECT_THAT(link("a", "b"), FailsWith(ErrorKind::NotPermitted));
}

TEST_F(Links, CopiesShareNothing) {
  options_.hard_links = fs::HardLinks::Copy;
  mount();
  store_.set("p/a", "one", meta({{"mode", "33188"}, {"other", "kept"}}));
  const auto made = link("a", "b");
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->attributes.links, 1U);
  EXPECT_EQ(made->attributes.size, 3U);
  EXPECT_NE(made->attributes.inode, inode("a"));
  EXPECT_EQ(store_.meta("p/b")->user.at("other"), "kept");
  ASSERT_THAT(put("a", "two!"), IsOk());
  EXPECT_EQ(*cat("b"), "one");
  EXPECT_THAT(link("a", "b"), FailsWith(ErrorKind::Exists));
  ASSERT_THAT(mkdir("d"), IsOk());
  EXPECT_THAT(link("d", "e"), FailsWith(ErrorKind::NotPermitted));
}

TEST_F(Links, PublishWhatIsWrittenFirst) {
  options_.hard_links = fs::HardLinks::Copy;
  mount();
  const auto created = create("a");
  ASSERT_TRUE(write(created->opened.handle, "written"));
  ASSERT_THAT(link("a", "b"), IsOk());
  EXPECT_EQ(store_.content("p/b"), "written");
  ASSERT_TRUE(write(created->opened.handle, "more", 7));
  ASSERT_TRUE(close(created->opened.handle));
  EXPECT_EQ(store_.content("p/a"), "writtenmore");
  EXPECT_EQ(store_.content("p/b"), "written");
}

class ServerCopies : public FileSystemTest {
 protected:
  ServerCopies() { store_.set("p/a", content_, meta({{"other", "not taken over"}})); }
  core::Result<std::uint64_t> copy(fs::FileHandle from, fs::FileHandle to,
                                   std::uint64_t length = 1U << 30U) {
    return fs_->copy_range(request_, {from, 0, to, 0, length});
  }
  const std::string content_ = std::string(std::size_t{2} << 20U, 'c');
};

TEST_F(ServerCopies, BehaveAsWrittenFiles) {
  const auto from = open("a", O_RDONLY);
  const auto to = create("b", 0600);
  EXPECT_THAT(copy(from->handle, to->opened.handle), IsOkAnd(content_.size()));
  EXPECT_EQ(store_.count(Op::Put), 0U);
  EXPECT_EQ(store_.content("p/b"), content_);
  EXPECT_EQ(store_.meta("p/b")->user.count("other"), 0U);
  EXPECT_EQ(stat("b")->attributes.size, content_.size());
  EXPECT_EQ(stat("b")->attributes.mode & 07777U, 0600U);
  ASSERT_TRUE(write(to->opened.handle, "W", 1));
  ASSERT_TRUE(close(to->opened.handle));
  EXPECT_EQ(store_.content("p/b")->substr(0, 3), "cWc");
  EXPECT_EQ(store_.content("p/b")->size(), content_.size());
  EXPECT_EQ(fs_->status().dirty_files, 0U);
}

TEST_F(ServerCopies, AreLeftToTheCallerWhereTheyWouldDiffer) {
  store_.set("p/small", "s");
  const auto from = open("a", O_RDONLY);
  const auto small = open("small", O_RDONLY);
  const auto to = create("b");
  const auto by_hand = FailsWith(ErrorKind::Unsupported);
  EXPECT_THAT(copy(small->handle, to->opened.handle), by_hand);
  EXPECT_THAT(copy(from->handle, to->opened.handle, content_.size() - 1), by_hand);
  EXPECT_THAT(copy(to->opened.handle, to->opened.handle), by_hand);
  store_.set("p/b", "somebody else's");
  EXPECT_THAT(copy(from->handle, to->opened.handle), by_hand);
  EXPECT_EQ(store_.content("p/b"), "somebody else's");
  const auto other = create("c");
  ASSERT_TRUE(write(other->opened.handle, "bytes"));
  EXPECT_THAT(copy(from->handle, other->opened.handle), by_hand);
}

TEST_F(ServerCopies, OfWhatWasReplacedAreStale) {
  const auto from = open("a", O_RDONLY);
  store_.set("p/a", "another");
  const auto to = create("b");
  EXPECT_THAT(copy(from->handle, to->opened.handle), FailsWith(ErrorKind::Changed));
}

TEST_F(FileSystemTest, WhatIsOpenCanStillBeClosedWhenChangesAreRefused) {
  const auto created = create("a");
  ASSERT_TRUE(write(created->opened.handle, "written"));
  fs_->refuse_changes(true);
  EXPECT_THAT(write(created->opened.handle, "more", 7), FailsWith(ErrorKind::ReadOnly));
  EXPECT_THAT(create("b"), FailsWith(ErrorKind::ReadOnly));
  request_.write_back = true;
  EXPECT_THAT(write(created->opened.handle, "map", 7), IsOk());
  EXPECT_THAT(fs_->unpublished(10), SizeIs(1));
  EXPECT_EQ(fs_->unpublished(10).front().key, "p/a");
  EXPECT_THAT(close(created->opened.handle), IsOk());
  EXPECT_EQ(store_.content("p/a"), "writtenmap");
  fs_->refuse_changes(false);
  EXPECT_THAT(create("b"), IsOk());
}

}  // namespace
}  // namespace fs_test
