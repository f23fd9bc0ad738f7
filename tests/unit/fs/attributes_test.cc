// What stat shows and what chmod, chown, utimens, mkdir, mknod, symlink and setxattr keep.
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "fixture.h"

namespace fs_test {
namespace {

using ::testing::ElementsAre;

class AttributesTest : public FileSystemTest {
 protected:
  std::string user(const std::string& key, const std::string& name) {
    const auto found = store_.meta(key);
    EXPECT_TRUE(found) << key;
    return found && found->user.contains(name) ? found->user.at(name) : "";
  }
  core::Status change(const std::string& path, const fs::AttributeChange& wanted) {
    TRY_ASSIGN(const Entry found, stat(path));
    TRY(fs_->setattr(request_, found.attributes.inode, wanted));
    return {};
  }
};

TEST_F(AttributesTest, WhatTheKernelWritesBackHasTheTimeOfItsWriting) {
  const auto created = create("a");
  ASSERT_TRUE(created);
  ASSERT_TRUE(write(created->opened.handle, "text"));
  fs::AttributeChange written;
  written.modified = core::WallTime{std::chrono::seconds{1'700'000'000}};
  written.written = true;
  ASSERT_THAT(change("a", written), IsOk());
  EXPECT_EQ(stat("a")->attributes.modified, *written.modified);
  ASSERT_TRUE(close(created->opened.handle));
  EXPECT_EQ(store_.count(Op::Put), 1U);
  written.modified = core::WallTime{std::chrono::seconds{1'800'000'000}};
  ASSERT_THAT(change("a", written), IsOk());
  EXPECT_NE(stat("a")->attributes.modified, *written.modified) << "it is published";
  EXPECT_EQ(store_.count(Op::Put) + store_.count(Op::Copy), 1U);
}

TEST_F(AttributesTest, ObjectsWithoutMetadataGetDefaults) {
  options_.umask = 027;
  mount();
  store_.set("p/a", "12345");
  const auto found = stat("a");
  EXPECT_EQ(found->attributes.mode, mode_t{S_IFREG | 0640});
  EXPECT_EQ(found->attributes.uid, 1000U);
  EXPECT_EQ(found->attributes.size, 5U);
  EXPECT_EQ(found->attributes.modified, store_.meta("p/a")->last_modified);
}

TEST_F(AttributesTest, ChmodIsACopyOntoItself) {
  store_.set("p/a", "x", meta({{"mtime", "1000000000"}, {"other", "kept"}}));
  inode("a");
  store_.reset_counts();
  ASSERT_TRUE(chmod("a", 04711));
  EXPECT_EQ(store_.requests(), 2U) << "the copy, and once what ACL to keep";
  EXPECT_EQ(store_.count(Op::Copy), 1U);
  EXPECT_EQ(user("p/a", "mode"), std::to_string(S_IFREG | 04711));
  EXPECT_EQ(user("p/a", "mtime"), "1000000000.000000000");
  EXPECT_EQ(user("p/a", "other"), "kept");
  EXPECT_EQ(store_.content("p/a"), "x");
  mount();
  EXPECT_EQ(stat("a")->attributes.mode, mode_t{S_IFREG | 04711});
}

TEST_F(AttributesTest, ChangesOfADirtyFileGoWithItsUpload) {
  const auto created = create("a");
  ASSERT_TRUE(write(created->opened.handle, "x"));
  store_.reset_counts();
  ASSERT_TRUE(chmod("a", 0600));
  fs::AttributeChange times;
  times.modified = times.accessed = core::wall_from_unix(1234567890, 5);
  ASSERT_TRUE(change("a", times));
  EXPECT_EQ(store_.requests(), 0U);
  ASSERT_TRUE(close(created->opened.handle));
  EXPECT_EQ(store_.requests(), 1U);
  EXPECT_EQ(user("p/a", "mode"), std::to_string(S_IFREG | 0600));
  EXPECT_EQ(user("p/a", "mtime"), "1234567890.000000005");
  EXPECT_EQ(user("p/a", "atime"), "1234567890.000000005");
}

TEST_F(AttributesTest, ChangeOfSomebodyElsesReplacementIsStale) {
  store_.set("p/a", "x");
  inode("a");
  store_.set("p/a", "y");
  EXPECT_THAT(chmod("a", 0600), FailsWith(ErrorKind::Changed));
  EXPECT_EQ(user("p/a", "mode"), "");
  EXPECT_THAT(chmod("a", 0600), IsOk()) << "once it was looked up again";
  EXPECT_EQ(user("p/a", "mode"), std::to_string(S_IFREG | 0600));
}

TEST_F(AttributesTest, ChownTakesSetIdBitsAway) {
  store_.set("p/a", "x", meta({{"mode", std::to_string(S_IFREG | 06755)}}));
  fs::AttributeChange owner;
  owner.uid = 4242;
  owner.gid = 4343;
  ASSERT_TRUE(change("a", owner));
  EXPECT_EQ(user("p/a", "uid"), "4242");
  EXPECT_EQ(user("p/a", "gid"), "4343");
  EXPECT_EQ(stat("a")->attributes.mode, mode_t{S_IFREG | 0755});
}

TEST_F(AttributesTest, WritingTakesSetIdBitsAwayExceptForRoot) {
  store_.set("p/a", "x", meta({{"mode", std::to_string(S_IFREG | 04755)}}));
  auto opened = open("a", O_RDWR);
  request_.uid = 0;
  ASSERT_TRUE(write(opened->handle, "y"));
  EXPECT_EQ(stat("a")->attributes.mode, mode_t{S_IFREG | 04755});
  request_.uid = 1000;
  ASSERT_TRUE(write(opened->handle, "z"));
  EXPECT_EQ(stat("a")->attributes.mode, mode_t{S_IFREG | 0755});
}

TEST_F(AttributesTest, DirectoriesKeepTheirsInTheMarker) {
  store_.set("p/d/f", "x");
  ASSERT_TRUE(chmod("d", 0700));
  EXPECT_EQ(user("p/d/", "mode"), std::to_string(S_IFDIR | 0700));
  ASSERT_TRUE(mkdir("e", 01777));
  EXPECT_EQ(store_.content("p/e/"), "");
  EXPECT_EQ(stat("e")->attributes.mode, mode_t{S_IFDIR | 01777});
  ASSERT_TRUE(chmod("e", 0755));
  mount();
  EXPECT_EQ(stat("d")->attributes.mode, mode_t{S_IFDIR | 0700});
  EXPECT_EQ(stat("e")->attributes.mode, mode_t{S_IFDIR | 0755});
}

TEST_F(AttributesTest, RootIsOnlyInMemory) {
  fs::AttributeChange mode;
  mode.mode = 0700;
  store_.reset_counts();
  const auto changed = fs_->setattr(request_, kRoot, mode);
  EXPECT_EQ(changed->attributes.mode, mode_t{S_IFDIR | 0700});
  EXPECT_EQ(store_.requests(), 0U);
}

TEST_F(AttributesTest, NewThingsInASetGroupIdDirectoryGetItsGroup) {
  store_.set("p/d/", "", meta({{"mode", std::to_string(S_IFDIR | 02775)}, {"gid", "77"}}));
  const auto created = create("d/f");
  EXPECT_EQ(created->entry.attributes.gid, 77U);
  ASSERT_TRUE(mkdir("d/sub"));
  EXPECT_EQ(stat("d/sub")->attributes.gid, 77U);
  EXPECT_EQ(stat("d/sub")->attributes.mode & S_ISGID, mode_t{S_ISGID});
}

TEST_F(AttributesTest, NamespaceChangesTouchTheDirectory) {
  ASSERT_TRUE(mkdir("d"));
  const auto before = stat("d")->attributes;
  clock_.advance(10ms);
  ASSERT_TRUE(put("d/f", "x"));
  const auto after = stat("d")->attributes;
  EXPECT_GT(after.modified, before.modified);
  EXPECT_GT(after.changed, before.changed);
  clock_.advance(10ms);
  ASSERT_TRUE(unlink("d/f"));
  expire();
  EXPECT_GT(stat("d")->attributes.modified, after.modified) << "also after asking the bucket";
}

TEST_F(AttributesTest, SubdirectoriesCountAsLinks) {
  ASSERT_TRUE(mkdir("d"));
  EXPECT_EQ(stat("d")->attributes.links, 2U);
  ASSERT_TRUE(mkdir("d/one"));
  EXPECT_EQ(stat("d")->attributes.links, 3U);
  ASSERT_TRUE(rmdir("d/one"));
  EXPECT_EQ(stat("d")->attributes.links, 2U);
}

TEST_F(AttributesTest, SpecialFilesAreEmptyObjectsOfTheirType) {
  ASSERT_TRUE(fs_->mknod(request_, kRoot, "pipe", S_IFIFO | 0600, 0));
  ASSERT_TRUE(fs_->mknod(request_, kRoot, "null", S_IFCHR | 0666, makedev(1, 3)));
  ASSERT_TRUE(fs_->mknod(request_, kRoot, "plain", S_IFREG | 0600, 0));
  EXPECT_EQ(store_.content("p/pipe"), "");
  EXPECT_EQ(store_.content("p/plain"), "");
  mount();
  EXPECT_EQ(stat("pipe")->attributes.mode, mode_t{S_IFIFO | 0600});
  EXPECT_EQ(stat("null")->attributes.device, makedev(1, 3));
  EXPECT_THAT(create("pipe", 0600, O_RDWR | O_EXCL), FailsWith(ErrorKind::Exists));
}

TEST_F(AttributesTest, RmdirWantsAnEmptyDirectory) {
  ASSERT_TRUE(mkdir("d"));
  const auto created = create("d/f");
  EXPECT_THAT(rmdir("d"), FailsWith(ErrorKind::NotEmpty)) << "by what is not uploaded";
  ASSERT_TRUE(close(created->opened.handle));
  EXPECT_THAT(rmdir("d"), FailsWith(ErrorKind::NotEmpty));
  EXPECT_THAT(rmdir("d/f"), FailsWith(ErrorKind::NotDirectory));
  EXPECT_THAT(unlink("d"), FailsWith(ErrorKind::IsDirectory));
  ASSERT_TRUE(unlink("d/f"));
  ASSERT_TRUE(rmdir("d"));
  EXPECT_TRUE(store_.keys().empty());
  EXPECT_THAT(stat("d"), FailsWith(ErrorKind::NotFound));
}

TEST_F(AttributesTest, DirectoryOutlivesItsLastFile) {
  store_.set("p/spool/job", "x");
  ASSERT_TRUE(unlink("spool/job"));
  expire();
  EXPECT_TRUE(stat("spool"));
  EXPECT_THAT(store_.keys(), ElementsAre("p/spool/"));
}

// ---- symbolic links

TEST_F(AttributesTest, LinkToAKeyIsTheServicesOwn) {
  ASSERT_TRUE(mkdir("d"));
  const auto link = fs_->symlink(request_, inode("d"), "l", "../x/./y");
  ASSERT_TRUE(link);
  EXPECT_EQ(link->attributes.size, 8U);
  EXPECT_EQ(store_.meta("p/d/l")->type, store::ObjectType::Symlink);
  EXPECT_EQ(store_.get_symlink({}, model::ObjectKey("p/d/l"))->target_key, "p/x/y");
  mount();
  EXPECT_EQ(stat("d/l")->attributes.mode, mode_t{S_IFLNK | 0777});
  EXPECT_EQ(stat("d/l")->attributes.size, 8U);
  EXPECT_EQ(*fs_->readlink(request_, inode("d/l")), "../x/./y");
}

TEST_F(AttributesTest, OtherLinksAreObjectsWithTheirTextAsBody) {
  for (const std::string target : {"/etc/passwd", "../../outside", "\xff"}) {
    ASSERT_TRUE(fs_->symlink(request_, kRoot, "l", target));
    if (target != "\xff") {
      EXPECT_EQ(store_.content("p/l"), target);
      EXPECT_EQ(store_.meta("p/l")->type, store::ObjectType::Normal);
    }
    mount();
    EXPECT_EQ(stat("l")->attributes.mode, mode_t{S_IFLNK | 0777});
    EXPECT_EQ(stat("l")->attributes.size, target.size());
    EXPECT_EQ(*fs_->readlink(request_, inode("l")), target);
    ASSERT_TRUE(unlink("l"));
  }
}

TEST_F(AttributesTest, WithoutSymlinkObjectsEveryLinkIsABody) {
  store::Capabilities none;
  none.create_exclusive = true;
  store_.set_capabilities(none);
  mount();
  ASSERT_TRUE(fs_->symlink(request_, kRoot, "l", "target"));
  EXPECT_EQ(store_.content("p/l"), "target");
  EXPECT_EQ(*fs_->readlink(request_, inode("l")), "target");
}

TEST_F(AttributesTest, LinksOfOtherToolsAreRead) {
  store_.set_symlink("p/a/b/l", "p/a/x");
  store_.set_symlink("p/out", "elsewhere/x");
  EXPECT_EQ(*fs_->readlink(request_, inode("a/b/l")), "../x");
  EXPECT_EQ(stat("a/b/l")->attributes.size, 4U);
  EXPECT_EQ(*fs_->readlink(request_, inode("out")), ".stsfs-outside/elsewhere/x");
  EXPECT_FALSE(list("")->at("out").complete && !S_ISLNK(list("")->at("out").mode));
}

TEST_F(AttributesTest, LinksCanBeRenamedAndChanged) {
  ASSERT_TRUE(mkdir("d"));
  ASSERT_TRUE(fs_->symlink(request_, kRoot, "l", "d"));
  fs::AttributeChange times;
  times.modified = core::wall_from_unix(1000);
  ASSERT_TRUE(change("l", times));
  ASSERT_TRUE(rename("l", "d/l"));
  EXPECT_EQ(*fs_->readlink(request_, inode("d/l")), "d");
  EXPECT_EQ(stat("d/l")->attributes.modified, core::wall_from_unix(1000));
  EXPECT_EQ(store_.get_symlink({}, model::ObjectKey("p/d/l"))->target_key, "p/d/d");
}

// ---- extended attributes

TEST_F(AttributesTest, UserXattrsAreKept) {
  store_.set("p/a", "x");
  const InodeNumber number = inode("a");
  const std::string value("\0bin", 4);
  ASSERT_TRUE(fs_->setxattr(request_, number, "user.Mixed", value, 0));
  EXPECT_THAT(fs_->setxattr(request_, number, "user.Mixed", "y", XATTR_CREATE),
              FailsWith(ErrorKind::Exists));
  EXPECT_THAT(fs_->setxattr(request_, number, "user.none", "y", XATTR_REPLACE),
              FailsWith(ErrorKind::NoData));
  mount();
  const InodeNumber again = inode("a");
  EXPECT_EQ(*fs_->getxattr(request_, again, "user.Mixed"), value);
  EXPECT_THAT(*fs_->listxattr(request_, again), ElementsAre("user.Mixed"));
  ASSERT_TRUE(fs_->removexattr(request_, again, "user.Mixed"));
  EXPECT_THAT(fs_->getxattr(request_, again, "user.Mixed"), FailsWith(ErrorKind::NoData));
  EXPECT_THAT(fs_->removexattr(request_, again, "user.Mixed"), FailsWith(ErrorKind::NoData));
  EXPECT_EQ(user("p/a", "xattr"), "");
}

TEST_F(AttributesTest, XattrsThatDoNotFitAreRefused) {
  store_.set("p/a", "x");
  const InodeNumber number = inode("a");
  EXPECT_THAT(fs_->setxattr(request_, number, "user.big", std::string(8192, 'x'), 0),
              FailsWith(ErrorKind::NoSpace));
  const auto created = create("dirty");
  EXPECT_THAT(fs_->setxattr(request_, created->entry.attributes.inode, "user.big",
                            std::string(8192, 'x'), 0),
              FailsWith(ErrorKind::NoSpace))
      << "said at once, not at close";
  ASSERT_TRUE(close(created->opened.handle));
}

TEST_F(AttributesTest, ObjectViewsAreReadOnlyAndTheRestIsNotKept) {
  store_.set("p/a", "123456789");
  const InodeNumber number = inode("a");
  EXPECT_EQ(*fs_->getxattr(request_, number, "user.oss.etag"), store_.meta("p/a")->etag.text());
  EXPECT_EQ(*fs_->getxattr(request_, number, "user.oss.storage-class"), "Standard");
  EXPECT_EQ(*fs_->getxattr(request_, number, "user.oss.crc64"),
            std::to_string(*store_.meta("p/a")->crc64));
  EXPECT_THAT(fs_->getxattr(request_, number, "user.oss.version-id"), FailsWith(ErrorKind::NoData));
  EXPECT_THAT(fs_->setxattr(request_, number, "user.oss.etag", "x", 0),
              FailsWith(ErrorKind::NotPermitted));
  EXPECT_THAT(*fs_->listxattr(request_, number), ElementsAre());
  store_.reset_counts();
  for (const char* name : {"security.capability", "system.posix_acl_access", "trusted.x"}) {
    EXPECT_THAT(fs_->getxattr(request_, number, name), FailsWith(ErrorKind::Unsupported));
    EXPECT_THAT(fs_->setxattr(request_, number, name, "x", 0), FailsWith(ErrorKind::Unsupported));
  }
  EXPECT_EQ(store_.requests(), 0U);
}

TEST_F(AttributesTest, ASignedUrlIsThereForWhoMayReadAndWhereItIsEnabled) {
  constexpr const char* kName = "user.oss.signed-url";
  store_.set("p/a b", "123456789");
  EXPECT_THAT(fs_->getxattr(request_, inode("a b"), kName), FailsWith(ErrorKind::Unsupported));
  options_.signed_url_lifetime = std::chrono::seconds{90};
  mount();
  const InodeNumber number = inode("a b");
  EXPECT_EQ(*fs_->getxattr(request_, number, kName), "fake://GET/p/a b?for=90");
  EXPECT_THAT(*fs_->listxattr(request_, number), ElementsAre());
  EXPECT_THAT(fs_->setxattr(request_, number, kName, "x", 0), FailsWith(ErrorKind::NotPermitted));
  EXPECT_THAT(fs_->getxattr(request_, fs::kRoot, kName), FailsWith(ErrorKind::NoData));
  const auto created = create("new");
  ASSERT_TRUE(created);
  EXPECT_THAT(fs_->getxattr(request_, created->entry.attributes.inode, kName),
              FailsWith(ErrorKind::NoData))
      << "not in the bucket yet";
  ASSERT_TRUE(close(created->opened.handle));
  EXPECT_EQ(*fs_->getxattr(request_, created->entry.attributes.inode, kName),
            "fake://GET/p/new?for=90");
}

}  // namespace
}  // namespace fs_test
