// Lookup, listing, and what keys look like as names.
#include "model/names.h"

#include <set>

#include "core/format.h"
#include "fixture.h"

namespace fs_test {
namespace {

using ::testing::ElementsAre;

using Names = FileSystemTest;

TEST_F(Names, DirectoriesAreMarkersOrPrefixes) {
  store_.set("p/marked/", "", meta({{"mode", std::to_string(S_IFDIR | 0700)}, {"uid", "7"}}));
  store_.set("p/implied/deep/file", "x");
  const auto marked = stat("marked");
  ASSERT_TRUE(marked);
  EXPECT_EQ(marked->attributes.mode, mode_t{S_IFDIR | 0700});
  EXPECT_EQ(marked->attributes.uid, 7U);
  EXPECT_EQ(stat("implied/deep")->attributes.mode, mode_t{S_IFDIR | 0755});
  EXPECT_EQ(*cat("implied/deep/file"), "x");
  EXPECT_THAT(names(""), ElementsAre("implied", "marked"));
  EXPECT_THAT(names("marked"), ElementsAre());
}

TEST_F(Names, NegativesAreRememberedForTheLifetime) {
  EXPECT_THAT(stat("none"), FailsWith(ErrorKind::NotFound));
  const auto before = store_.requests();
  EXPECT_THAT(stat("none"), FailsWith(ErrorKind::NotFound));
  EXPECT_EQ(store_.requests(), before);
  store_.set("p/none", "now");
  expire();
  EXPECT_EQ(*cat("none"), "now");
}

TEST_F(Names, ListingTenThousandWithPlainAttributesTakesElevenRequests) {
  options_.attributes = fs::AttributeMode::Plain;
  mount();
  for (int i = 0; i < 10'000; ++i) {
    store_.set(core::format("p/many/{:05}", i), "x");
  }
  ASSERT_TRUE(stat("many"));
  store_.reset_counts();
  const auto handle = fs_->opendir(request_, inode("many"));
  std::size_t seen = 0;
  std::uint64_t offset = 0;
  for (bool more = true; more;) {
    more = false;
    std::size_t room = 100;  // the kernel's buffer
    ASSERT_TRUE(fs_->readdir(request_, *handle, offset, true, [&](const fs::DirectoryEntry& entry) {
      if (room-- == 0) {
        return false;
      }
      offset = entry.next_offset;
      more = true;
      if (entry.name[0] != '.') {
        ++seen;
        EXPECT_TRUE(entry.complete);
        // What ls -l does with each.
        EXPECT_TRUE(fs_->getattr(request_, entry.attributes.inode));
        EXPECT_THAT(fs_->getxattr(request_, entry.attributes.inode, "security.selinux"),
                    FailsWith(ErrorKind::Unsupported));
      }
      return true;
    }));
  }
  EXPECT_EQ(seen, 10'000U);
  EXPECT_LE(store_.requests(), 11U + 8U) << "one a page, and a few to see where to split";
}

TEST_F(Names, CompleteListingAnswersLookups) {
  store_.set("p/d/a", "x");
  ASSERT_THAT(names("d"), ElementsAre("a"));
  store_.reset_counts();
  EXPECT_THAT(stat("d/b"), FailsWith(ErrorKind::NotFound));
  EXPECT_THAT(names("d"), ElementsAre("a"));
  EXPECT_EQ(store_.requests(), 0U);
  EXPECT_TRUE(stat("d/a"));
  EXPECT_EQ(store_.count(Op::Head), 1U) << "its kind is known: nothing is listed";
  EXPECT_EQ(store_.requests(), 1U);
}

TEST_F(Names, OddKeysAppearEscapedAndHideNobody) {
  const std::vector<std::string> odd = {"d/a//b", "d/./f", "d/../up",           "d//",
                                        "d/x",    "d/x/y", "d/.stsfs-name.mine"};
  for (const std::string& key : odd) {
    store_.set("p/" + key, "body of " + key);
  }
  store_.set("p/d/anchor", "here");
  store_.set("p/d/" + std::string(300, 'l'), "long");
  store_.set(std::string("p/d/n\0l", 7), "nul");
  const std::string long_name = model::file_name({std::string(300, 'l'), false});
  EXPECT_THAT(names("d"), ::testing::UnorderedElementsAre(
                              "a", "anchor", "x", ".stsfs-file.x", ".stsfs-name.",
                              ".stsfs-name.%2E", ".stsfs-name.%2E%2E",
                              ".stsfs-name..stsfs-name.mine", ".stsfs-name.n%00l", long_name));
  expire();
  EXPECT_EQ(*cat("d/anchor"), "here");
  EXPECT_EQ(*cat("d/a/.stsfs-name./b"), "body of d/a//b");
  EXPECT_EQ(*cat("d/.stsfs-name.%2E/f"), "body of d/./f");
  EXPECT_EQ(*cat("d/.stsfs-name.%2E%2E/up"), "body of d/../up");
  EXPECT_EQ(*cat("d/.stsfs-name./.stsfs-file."), "body of d//");
  EXPECT_EQ(*cat("d/.stsfs-file.x"), "body of d/x");
  EXPECT_EQ(*cat("d/x/y"), "body of d/x/y");
  EXPECT_EQ(*cat("d/.stsfs-name..stsfs-name.mine"), "body of d/.stsfs-name.mine");
  EXPECT_EQ(*cat("d/" + long_name), "long");
  EXPECT_THAT(stat("d/.stsfs-file.anchor"), FailsWith(ErrorKind::NotFound))
      << "it has its plain name";
}

TEST_F(Names, ObjectAndDirectoryOfOneNameMayLieOnTwoPages) {
  for (int i = 0; i < 1500; ++i) {
    store_.set(core::format("p/a-{:04}", i), "");
  }
  store_.set("p/a", "object");
  store_.set("p/a/b", "below");
  const auto all = list("");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 1502U);
  EXPECT_TRUE(S_ISDIR(all->at("a").mode));
  EXPECT_TRUE(S_ISREG(all->at(".stsfs-file.a").mode));
}

TEST_F(Names, ReservedNamesCannotBeMade) {
  EXPECT_THAT(create(".stsfs-anything"), FailsWith(ErrorKind::InvalidArgument));
  EXPECT_THAT(mkdir(".stsfs-file.a"), FailsWith(ErrorKind::InvalidArgument));
  ASSERT_TRUE(put("a", "x"));
  EXPECT_THAT(rename("a", ".stsfs-long.0123456789abcdef.a"), FailsWith(ErrorKind::InvalidArgument));
  EXPECT_THAT(create(std::string(256, 'n')), FailsWith(ErrorKind::NameTooLong));
}

TEST_F(Names, NameThatIsNotUtf8Survives) {
  ASSERT_TRUE(put("bad\xff", "x"));
  EXPECT_EQ(store_.keys(), std::vector<std::string>{"p/.stsfs-bytes.bad%FF"});
  mount();
  EXPECT_THAT(names(""), ElementsAre("bad\xff"));
  EXPECT_EQ(*cat("bad\xff"), "x");
}

TEST_F(Names, DirectoryReadsShowWhatIsNotUploadedAndNotWhatWasRemoved) {
  store_.set("p/d/old", "x");
  store_.set("p/d/other", "x");
  const auto created = create("d/new");
  ASSERT_TRUE(created);
  EXPECT_THAT(names("d"), ElementsAre("new", "old", "other"));
  ASSERT_TRUE(unlink("d/old"));
  EXPECT_THAT(names("d"), ElementsAre("new", "other"));
  ASSERT_TRUE(close(created->opened.handle));
  EXPECT_THAT(names("d"), ElementsAre("new", "other"));
}

TEST_F(Names, NoNameComesTwiceWhileFilesAreMadeAndRemoved) {
  for (int i = 0; i < 1100; ++i) {
    store_.set(core::format("p/d/a{:04}", i), "");
  }
  const auto handle = fs_->opendir(request_, inode("d"));
  std::set<std::string> seen;
  std::uint64_t offset = 0;
  int budget = 10;
  const auto fill = [&](const fs::DirectoryEntry& entry) {
    if (budget-- == 0) {
      return false;
    }
    offset = entry.next_offset;
    EXPECT_TRUE(seen.insert(entry.name).second) << entry.name;
    return true;
  };
  ASSERT_TRUE(fs_->readdir(request_, *handle, offset, true, fill));
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(put(core::format("d/b{}", i), "x"));
    ASSERT_TRUE(unlink(core::format("d/a{:04}", 500 + i)));
  }
  budget = 100'000;
  ASSERT_TRUE(fs_->readdir(request_, *handle, offset, true, fill));
  EXPECT_GE(seen.size(), 1080U);
  EXPECT_EQ(seen.count("a0510"), 0U) << "removed before it was handed out";
}

TEST_F(Names, GoingBackToTheStartListsAnew) {
  store_.set("p/d/a", "");
  const auto handle = fs_->opendir(request_, inode("d"));
  const auto count = [&] {
    std::size_t n = 0;
    EXPECT_TRUE(fs_->readdir(request_, *handle, 0, false, [&](const fs::DirectoryEntry&) {
      ++n;
      return true;
    }));
    return n;
  };
  EXPECT_EQ(count(), 3U);
  ASSERT_TRUE(put("d/b", ""));
  EXPECT_EQ(count(), 4U);
}

TEST_F(Names, FailureInTheMiddleOfAListingIsNotTheEndOfIt) {
  for (int i = 0; i < 1100; ++i) {
    store_.set(core::format("p/d/{:04}", i), "");
  }
  const auto handle = fs_->opendir(request_, inode("d"));
  test::Rule second = on(Op::List, 3);  // ahead, behind the first page, and when asked for
  second.skip = 1;
  store_.fail(second, core::fail(ErrorKind::Unavailable, "503"));
  std::uint64_t offset = 0;
  const auto fill = [&](const fs::DirectoryEntry& entry) {
    offset = entry.next_offset;
    return true;
  };
  ASSERT_TRUE(fs_->readdir(request_, *handle, offset, true, fill));
  EXPECT_EQ(offset, 1001U) << "the last of the page waits for a directory of its name";
  EXPECT_THAT(fs_->readdir(request_, *handle, offset, true, fill),
              FailsWith(ErrorKind::Unavailable));
  ASSERT_TRUE(fs_->readdir(request_, *handle, offset, true, fill));
  EXPECT_EQ(offset, 1102U);
}

TEST_F(Names, NamesCostListingsOnlyAndBringNoGuesses) {
  store_.set("p/a", "12345", meta({{"mode", std::to_string(S_IFREG | 0600)}}));
  store_.set("p/empty", "", meta({{"mode", std::to_string(S_IFIFO | 0600)}}));
  store_.set("p/d/", "", meta({{"mode", std::to_string(S_IFDIR | 0700)}}));
  store_.reset_counts();
  const auto listed = list("");
  EXPECT_EQ(store_.requests(), 1U);
  EXPECT_FALSE(listed->at("a").complete) << "nobody has asked for its mode";
  EXPECT_EQ(listed->at("a").mode, mode_t{S_IFREG});
  EXPECT_EQ(listed->at("empty").mode, mode_t{0}) << "may be a FIFO, and is one";
  EXPECT_FALSE(listed->at("d").complete) << "its marker may forbid";
  EXPECT_EQ(listed->at("d").mode, mode_t{S_IFDIR});
}

TEST_F(Names, WhatWasLearntOfAStateIsKnownFromItsListing) {
  store_.set("p/a", "12345", meta({{"mode", std::to_string(S_IFREG | 0600)}}));
  clock_.advance(3s);  // Last-Modified tells this state from any later one
  EXPECT_EQ(stat("a")->attributes.mode, mode_t{S_IFREG | 0600});
  expire();
  store_.reset_counts();
  EXPECT_TRUE(list("")->at("a").complete);
  EXPECT_EQ(list("")->at("a").mode, mode_t{S_IFREG | 0600});
  EXPECT_EQ(stat("a")->attributes.mode, mode_t{S_IFREG | 0600});
  EXPECT_EQ(store_.count(Op::Head), 0U);
  store_.set("p/a", "12345", meta({{"mode", std::to_string(S_IFREG | 0640)}}));  // ETag as before
  expire();
  EXPECT_FALSE(list("")->at("a").complete);
  EXPECT_EQ(stat("a")->attributes.mode, mode_t{S_IFREG | 0640});
}

TEST_F(Names, StateYoungerThanTwoSecondsIsNotRemembered) {
  store_.set("p/a", "12345", meta({{"mode", std::to_string(S_IFREG | 0600)}}));
  EXPECT_EQ(stat("a")->attributes.mode, mode_t{S_IFREG | 0600});
  store_.set("p/a", "12345", meta({{"mode", std::to_string(S_IFREG | 0640)}}));  // in that second
  clock_.advance(1500ms);
  EXPECT_FALSE(list("")->at("a").complete);
  EXPECT_EQ(stat("a")->attributes.mode, mode_t{S_IFREG | 0640});
}

TEST_F(Names, NeighboursOfNamesAreNoProofOfWhatIsNotThere) {
  for (int i = 0; i < 20; ++i) {
    store_.set(core::format("p/d/{:02}", i), "x");
    EXPECT_THAT(stat(core::format("d/{:02}", i)), IsOk()) << "made by somebody else, just now";
  }
}

/// Programs that make one file after another.
class Making : public Names {
 protected:
  void make(const std::string& directory, int from, int to) {
    for (int i = from; i < to; ++i) {
      EXPECT_THAT(put(core::format("{}/s{}", directory, i), "x"), IsOk());
    }
  }
};

TEST_F(Making, FilesOneAfterAnotherTakeOneRequestEach) {
  ASSERT_TRUE(mkdir("d"));
  make("d", 0, 5);
  store_.reset_counts();
  make("d", 5, 200);
  EXPECT_EQ(store_.count(Op::Put), 195U);
  EXPECT_LE(store_.count(Op::List), 1U);
  EXPECT_EQ(store_.count(Op::Head), 0U);
}

TEST_F(Making, AlsoWhereOnePageDoesNotHoldTheDirectory) {
  for (int i = 0; i < 3000; ++i) {
    store_.set(core::format("p/d/{:04}", i), "x");
  }
  make("d", 0, 5);
  store_.reset_counts();
  make("d", 5, 200);
  EXPECT_EQ(store_.count(Op::Put), 195U);
  EXPECT_LE(store_.count(Op::List), 6U);
  EXPECT_LE(store_.count(Op::Head), 3U);
}

TEST_F(Making, WhatSomebodyElseMakesThereIsSeenWhenTheLifetimeIsOver) {
  ASSERT_TRUE(mkdir("d"));
  make("d", 0, 10);
  store_.set("p/d/theirs", "x");
  expire();
  EXPECT_THAT(stat("d/theirs"), IsOk());
}

TEST_F(Making, WhereNothingIsMadeAnyMoreALookAsksAgain) {
  ASSERT_TRUE(mkdir("d"));
  make("d", 0, 10);
  expire();
  for (int i = 0; i < 20; ++i) {
    store_.set(core::format("p/d/{:02}", i), "x");
    EXPECT_THAT(stat(core::format("d/{:02}", i)), IsOk()) << "made by somebody else, just now";
  }
}

/// A directory of small objects that were there before.
class SmallFiles : public Names {
 protected:
  static constexpr int kFiles = 300;
  void SetUp() override {
    Names::SetUp();
    for (int i = 0; i < kFiles; ++i) {
      store_.set(core::format("p/d/{:03}", i), core::format("content {}", i));
    }
    clock_.advance(3s);
  }
  /// As the kernel opens: a name that leads elsewhere by now (ESTALE) is looked up once more.
  std::string read_file(int i) {
    const std::string path = core::format("d/{:03}", i);
    auto text = cat(path);
    if (!text && text.error().kind == ErrorKind::Changed) {
      text = cat(path);
    }
    return text ? *text : core::describe(text.error());
  }
};

TEST_F(SmallFiles, ReadOneAfterAnotherTakeOneRequestEach) {
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_EQ(read_file(i), core::format("content {}", i));
  }
  EXPECT_EQ(store_.count(Op::Read), static_cast<std::size_t>(kFiles));
  EXPECT_LE(store_.count(Op::Head), 60U) << "of those before it was clear that they are read";
  EXPECT_LE(store_.count(Op::List), 6U);
}

TEST_F(SmallFiles, CountedWithoutZerosInFrontTakeOneRequestEachToo) {
  for (int i = 0; i < kFiles; ++i) {
    store_.set(core::format("p/n/s{}.txt", i), core::format("content {}", i));
  }
  clock_.advance(3s);
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_THAT(cat(core::format("n/s{}.txt", i)), test::IsOkAnd(core::format("content {}", i)));
  }
  EXPECT_EQ(store_.count(Op::Read), static_cast<std::size_t>(kFiles));
  EXPECT_LE(store_.count(Op::Head), 60U) << "the listing has s10 behind s1";
}

TEST_F(SmallFiles, WhatWasFetchedAheadIsAskedForAgainOnceItIsOld) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(read_file(i), core::format("content {}", i));
  }
  for (int i = 0; i < kFiles; ++i) {
    store_.set(core::format("p/d/{:03}", i), "new");
  }
  clock_.advance(1s);  // as long as anything is believed
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_EQ(read_file(i), "new") << i;
  }
}

TEST_F(SmallFiles, OpeningAgainAsksAgain) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(read_file(i), core::format("content {}", i));
  }
  store_.set("p/d/019", "new");
  EXPECT_EQ(read_file(19), "new") << "which was read a moment ago";
}

TEST_F(SmallFiles, OpeningOneFileTakesOneRequestBesideTheLook) {
  const InodeNumber number = inode("d/007");
  store_.reset_counts();
  const auto opened = fs_->open(request_, number, O_RDONLY);
  ASSERT_THAT(opened, IsOk());
  EXPECT_THAT(read(opened->handle), test::IsOkAnd("content 7"));
  EXPECT_EQ(store_.requests(), 1U);
  fs_->release(request_, opened->handle);
}

TEST_F(Names, LookingAtOneSiblingAfterAnotherRunsAhead) {
  for (int i = 0; i < 2000; ++i) {
    store_.set(core::format("p/d/{:04}", i), "x", meta({{"mode", std::to_string(S_IFREG | 0600)}}));
  }
  clock_.advance(3s);
  ASSERT_EQ(names("d").size(), 2000U);
  const InodeNumber directory = inode("d");
  store_.reset_counts();
  auto hold = store_.hold(on(Op::Head, 0));
  auto looker = std::async(std::launch::async, [&] {
    for (int i = 0; i < 2000; ++i) {
      const auto found = fs_->lookup(request_, directory, core::format("{:04}", i));
      EXPECT_EQ(found->attributes.mode, mode_t{S_IFREG | 0600});
    }
  });
  hold.await(1);
  hold.release();
  looker.get();
  EXPECT_EQ(store_.count(Op::Head), 2000U) << "each once, whoever asked";
  EXPECT_EQ(store_.count(Op::List), 0U);
  EXPECT_GT(metrics_["fs.looked_ahead"].value(), 1900);
}

TEST_F(Names, WhatAnEarlierDirectoryOfThatNameHadIsNotSeenByLookingAhead) {
  for (int i = 0; i < 40; ++i) {
    store_.set(core::format("p/d/{:02}/below", i), "x");
  }
  store_.set("p/other/file", "x");
  ASSERT_EQ(names("d").size(), 40U);
  ASSERT_TRUE(stat("d/00"));
  ASSERT_TRUE(rename("d", "moved"));
  ASSERT_TRUE(rename("other", "d"));
  for (int i = 0; i < 40; ++i) {
    EXPECT_THAT(stat(core::format("d/{:02}", i)), FailsWith(ErrorKind::NotFound)) << i;
    EXPECT_TRUE(stat(core::format("moved/{:02}", i)));
  }
}

TEST_F(Names, PlainAttributesAreThoseOfTheListingEverywhere) {
  options_.attributes = fs::AttributeMode::Plain;
  mount();
  store_.set("p/a", "12345", meta({{"mode", std::to_string(S_IFREG | 0600)}, {"mtime", "1"}}));
  store_.set("p/d/", "", meta({{"mode", std::to_string(S_IFDIR | 0700)}}));
  store_.reset_counts();
  const auto listed = list("");
  EXPECT_TRUE(listed->at("a").complete);
  EXPECT_EQ(listed->at("a").mode, mode_t{S_IFREG | 0644});
  EXPECT_TRUE(listed->at("d").complete);
  EXPECT_EQ(store_.requests(), 1U);
  expire();
  const auto looked = stat("a");
  EXPECT_EQ(looked->attributes.mode, mode_t{S_IFREG | 0644});
  EXPECT_EQ(looked->attributes.modified, store_.meta("p/a")->last_modified);
  EXPECT_EQ(stat("d")->attributes.mode, mode_t{S_IFDIR | 0755});
  EXPECT_THAT(chmod("a", 0600), FailsWith(ErrorKind::NotPermitted));
  EXPECT_THAT(fs_->setxattr(request_, inode("a"), "user.x", "1", 0),
              FailsWith(ErrorKind::Unsupported));
  ASSERT_TRUE(put("a", "new"));
  EXPECT_EQ(store_.meta("p/a")->user.at("mtime"), "1") << "neither read nor written";
  options_.plain_changes = fs::PlainChanges::Ignore;
  mount();
  ASSERT_TRUE(chmod("a", 0600));
  EXPECT_EQ(stat("a")->attributes.mode, mode_t{S_IFREG | 0644});
}

TEST_F(Names, NumbersAreThoseOfNameAndVersion) {
  store_.set("p/a", "one");
  const InodeNumber one = inode("a");
  mount();
  EXPECT_EQ(inode("a"), one);
  store_.set("p/a", "two");
  expire();
  EXPECT_NE(inode("a"), one);
  store_.set("p/a", "one");
  mount();  // else the kernel may still know the first
  EXPECT_EQ(inode("a"), one);
  EXPECT_EQ(list_inodes("").at("a"), one) << "readdir says the same as stat";
}

TEST_F(Names, KindThatChangesGetsAnotherInode) {
  store_.set("p/a", "file");
  const InodeNumber file = inode("a");
  store_.erase("p/a");
  store_.set("p/a/b", "below");
  expire();
  const auto directory = stat("a");
  ASSERT_TRUE(directory);
  EXPECT_TRUE(S_ISDIR(directory->attributes.mode));
  EXPECT_NE(directory->attributes.inode, file);
  EXPECT_THAT(fs_->getattr(request_, file), FailsWith(ErrorKind::Changed));
}

TEST_F(Names, ForgottenNodesLeave) {
  store_.set("p/d/a", "x");
  const auto before = fs_->status().inodes;
  const auto directory = fs_->lookup(request_, kRoot, "d")->attributes.inode;
  const auto file = fs_->lookup(request_, directory, "a")->attributes.inode;
  EXPECT_EQ(fs_->lookup(request_, directory, "a")->attributes.inode, file);
  fs_->forget(directory, 1);
  EXPECT_TRUE(fs_->getattr(request_, file)) << "its directory stays for it";
  fs_->forget(file, 2);
  EXPECT_EQ(fs_->status().inodes, before);
}

// ---- rights

TEST_F(Names, SeedPolicyReadsByNameCreatesAndCannotList) {
  store_.fail(on(Op::List, 0), core::fail(ErrorKind::Denied, "AccessDenied"));
  store_.set("p/a", "by name");
  store_.set("p/marked/", "");
  store_.set("p/assumed/x/y", "deep");
  options_.assumed_directories = {"assumed/x"};
  mount();
  EXPECT_EQ(*cat("a"), "by name");
  EXPECT_TRUE(stat("marked"));
  EXPECT_EQ(*cat("assumed/x/y"), "deep");
  EXPECT_THAT(stat("none"), FailsWith(ErrorKind::NotFound));
  ASSERT_TRUE(put("new", "made"));
  EXPECT_EQ(store_.content("p/new"), "made");
  EXPECT_THAT(list(""), FailsWith(ErrorKind::Denied));
}

TEST_F(Names, MissingKeyThatAnswers403CanBeCreatedButNotOverwritten) {
  store_.fail(on(Op::List, 0), core::fail(ErrorKind::Denied, "AccessDenied"));
  store_.fail(on(Op::Head, 0), core::fail(ErrorKind::Denied, "AccessDenied"));
  store_.set("p/hidden", "theirs");
  ASSERT_TRUE(put("new", "made"));
  EXPECT_EQ(store_.content("p/new"), "made");
  EXPECT_THAT(put("hidden", "mine"), FailsWith(ErrorKind::Changed));
  EXPECT_EQ(store_.content("p/hidden"), "theirs");
}

TEST_F(Names, DeniedHeadWithListRightsIsDenied) {
  store_.set("p/a", "x");
  store_.fail(on(Op::Head, 1, "p/a"), core::fail(ErrorKind::Denied, "AccessDenied"));
  EXPECT_THAT(stat("a"), FailsWith(ErrorKind::Denied));
}

}  // namespace
}  // namespace fs_test
