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
  EXPECT_EQ(kind_of(stat("none")), ErrorKind::NotFound);
  const auto before = store_.requests();
  EXPECT_EQ(kind_of(stat("none")), ErrorKind::NotFound);
  EXPECT_EQ(store_.requests(), before);
  store_.set("p/none", "now");
  expire();
  EXPECT_EQ(*cat("none"), "now");
}

TEST_F(Names, ListingTenThousandWithAttributesTakesElevenRequests) {
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
        EXPECT_EQ(kind_of(fs_->getxattr(request_, entry.attributes.inode, "security.selinux")),
                  ErrorKind::Unsupported);
      }
      return true;
    }));
  }
  EXPECT_EQ(seen, 10'000U);
  EXPECT_LE(store_.requests(), 11U);
}

TEST_F(Names, CompleteListingAnswersLookups) {
  store_.set("p/d/a", "x");
  ASSERT_THAT(names("d"), ElementsAre("a"));
  store_.reset_counts();
  EXPECT_TRUE(stat("d/a"));
  EXPECT_EQ(kind_of(stat("d/b")), ErrorKind::NotFound);
  EXPECT_THAT(names("d"), ElementsAre("a"));
  EXPECT_EQ(store_.requests(), 0U);
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
  EXPECT_EQ(kind_of(stat("d/.stsfs-file.anchor")), ErrorKind::NotFound) << "it has its plain name";
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
  EXPECT_EQ(kind_of(create(".stsfs-anything")), ErrorKind::InvalidArgument);
  EXPECT_EQ(kind_of(mkdir(".stsfs-file.a")), ErrorKind::InvalidArgument);
  ASSERT_TRUE(put("a", "x"));
  EXPECT_EQ(kind_of(rename("a", ".stsfs-long.0123456789abcdef.a")), ErrorKind::InvalidArgument);
  EXPECT_EQ(kind_of(create(std::string(256, 'n'))), ErrorKind::NameTooLong);
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
  test::Rule second = on(Op::List, 2);
  second.skip = 1;
  store_.fail(second, core::fail(ErrorKind::Unavailable, "503"));
  std::uint64_t offset = 0;
  const auto fill = [&](const fs::DirectoryEntry& entry) {
    offset = entry.next_offset;
    return true;
  };
  ASSERT_TRUE(fs_->readdir(request_, *handle, offset, true, fill));
  EXPECT_EQ(offset, 1001U) << "the last of the page waits for a directory of its name";
  EXPECT_EQ(kind_of(fs_->readdir(request_, *handle, offset, true, fill)), ErrorKind::Unavailable);
  ASSERT_TRUE(fs_->readdir(request_, *handle, offset, true, fill));
  EXPECT_EQ(offset, 1102U);
}

TEST_F(Names, ListedAttributesAreDefaultsUntilExactOnesAreKnown) {
  store_.set("p/a", "12345", meta({{"mode", std::to_string(S_IFREG | 0600)}}));
  EXPECT_EQ(list("")->at("a").mode, mode_t{S_IFREG | 0644});
  EXPECT_EQ(list("")->at("a").size, 5U);
  const auto opened = open("a", O_RDONLY);
  expire();
  EXPECT_EQ(list("")->at("a").mode, mode_t{S_IFREG | 0600}) << "kept while ETag and time stand";
  store_.set("p/a", "123456");
  expire();
  EXPECT_EQ(list("")->at("a").mode, mode_t{S_IFREG | 0644});
  EXPECT_EQ(list("")->at("a").size, 6U);
}

TEST_F(Names, ExactAttributesCostAHeadForEachUnknownEntry) {
  options_.exact_attributes = true;
  mount();
  for (int i = 0; i < 100; ++i) {
    store_.set(core::format("p/{}", i), "x", meta({{"mode", std::to_string(S_IFREG | 0600)}}));
  }
  store_.set("p/d/", "", meta({{"mode", std::to_string(S_IFDIR | 0700)}}));
  auto hold = store_.hold(on(Op::Head, 0));
  auto listing = std::async(std::launch::async, [&] { return list(""); });
  hold.await(64);
  hold.release();
  const auto all = listing.get();
  for (const auto& [name, row] : *all) {
    EXPECT_TRUE(row.complete);
    EXPECT_EQ(row.mode & 07777U, name == "d" ? 0700U : 0600U);
  }
  EXPECT_EQ(store_.count(Op::Head), 101U);
  EXPECT_EQ(store_.most_at_once(Op::Head), 64U);
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
  EXPECT_EQ(kind_of(fs_->getattr(request_, file)), ErrorKind::Changed);
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
  EXPECT_EQ(kind_of(stat("none")), ErrorKind::NotFound);
  ASSERT_TRUE(put("new", "made"));
  EXPECT_EQ(store_.content("p/new"), "made");
  EXPECT_EQ(kind_of(list("")), ErrorKind::Denied);
}

TEST_F(Names, MissingKeyThatAnswers403CanBeCreatedButNotOverwritten) {
  store_.fail(on(Op::List, 0), core::fail(ErrorKind::Denied, "AccessDenied"));
  store_.fail(on(Op::Head, 0), core::fail(ErrorKind::Denied, "AccessDenied"));
  store_.set("p/hidden", "theirs");
  ASSERT_TRUE(put("new", "made"));
  EXPECT_EQ(store_.content("p/new"), "made");
  EXPECT_EQ(kind_of(put("hidden", "mine")), ErrorKind::Changed);
  EXPECT_EQ(store_.content("p/hidden"), "theirs");
}

TEST_F(Names, DeniedHeadWithListRightsIsDenied) {
  store_.set("p/a", "x");
  store_.fail(on(Op::Head, 1, "p/a"), core::fail(ErrorKind::Denied, "AccessDenied"));
  EXPECT_EQ(kind_of(stat("a")), ErrorKind::Denied);
}

TEST_F(Names, ListingGrantsNothingToOthers) {
  store_.set("p/secret", "s", meta({{"mode", std::to_string(S_IFREG | 0600)}}));
  store_.set("p/public", "p");
  store_.set("p/closed/", "", meta({{"mode", std::to_string(S_IFDIR | 0700)}}));
  store_.set("p/closed/x", "x");
  const auto handle = fs_->opendir(request_, kRoot);
  std::map<std::string, InodeNumber> nodes;
  ASSERT_TRUE(fs_->readdir(request_, *handle, 0, true, [&](const fs::DirectoryEntry& entry) {
    nodes[entry.name] = entry.attributes.inode;
    return true;
  }));
  fs::Request stranger = request_;
  stranger.uid = stranger.gid = 4242;
  EXPECT_EQ(kind_of(fs_->open(stranger, nodes["secret"], O_RDONLY)), ErrorKind::Denied);
  EXPECT_EQ(kind_of(fs_->open(stranger, nodes["public"], O_RDONLY)), std::nullopt);
  EXPECT_EQ(kind_of(fs_->open(stranger, nodes["public"], O_RDWR)), ErrorKind::Denied);
  EXPECT_EQ(kind_of(fs_->opendir(stranger, nodes["closed"])), ErrorKind::Denied);
  EXPECT_EQ(kind_of(fs_->lookup(stranger, nodes["closed"], "x")), ErrorKind::Denied);
  EXPECT_EQ(kind_of(fs_->open(request_, nodes["secret"], O_RDONLY)), std::nullopt);
}

}  // namespace
}  // namespace fs_test
