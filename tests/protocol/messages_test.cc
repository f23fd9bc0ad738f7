// What each message means, there and back.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>

#include "mounted.h"

namespace test {
namespace {

using core::ErrorKind;
using ::testing::ElementsAre;

class Messages : public Mounted {};

TEST_F(Messages, InitAsksForWhatWeWantAndNothingElse) {
  const auto out = init_.as<fuse_init_out>();
  const std::uint32_t wanted = FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_ASYNC_DIO |
                               FUSE_DO_READDIRPLUS | FUSE_EXPORT_SUPPORT | FUSE_AUTO_INVAL_DATA |
                               FUSE_HANDLE_KILLPRIV_V2;
  EXPECT_EQ(out.flags & wanted, wanted);
  const std::uint32_t unwanted = FUSE_WRITEBACK_CACHE | FUSE_SPLICE_READ | FUSE_SPLICE_WRITE |
                                 FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS | FUSE_DONT_MASK |
                                 FUSE_POSIX_ACL | FUSE_ATOMIC_O_TRUNC | FUSE_READDIRPLUS_AUTO |
                                 FUSE_HANDLE_KILLPRIV | FUSE_EXPLICIT_INVAL_DATA;
  EXPECT_EQ(out.flags & unwanted, 0U);
  EXPECT_EQ(out.max_write, 1U << 20U);
  EXPECT_EQ(out.max_pages, 256);
  EXPECT_EQ(out.max_background, 128);
  EXPECT_EQ(out.time_gran, 1U);
}

TEST_F(Messages, LookupCarriesAttributesAndLifetime) {
  const auto inode = fs_.add_file(fs::kRoot, "a", "hello");
  const auto answer = lookup("a");
  ASSERT_EQ(answer.error, 0);
  const auto out = answer.as<fuse_entry_out>();
  EXPECT_EQ(out.nodeid, inode);
  EXPECT_EQ(out.attr.ino, inode);
  EXPECT_EQ(out.attr.size, 5U);
  EXPECT_EQ(out.attr.mode, S_IFREG | 0644U);
  EXPECT_EQ(out.attr.nlink, 1U);
  EXPECT_EQ(out.attr.mtime, 1'700'000'000U);
  EXPECT_EQ(out.attr.mtimensec, 123'456'789U);
  EXPECT_EQ(out.attr.blksize, 1U << 20U);
  EXPECT_EQ(out.entry_valid, 1U);
  EXPECT_EQ(out.entry_valid_nsec, 500'000'000U);
  EXPECT_EQ(out.attr_valid, 1U);
  EXPECT_EQ(fs_.lookup_count(inode), 1);
}

TEST_F(Messages, WhoAsksArrivesWithTheRequest) {
  fs_.add_file(fs::kRoot, "a", "");
  lookup("a");
  const fs::Request request = fs_.last_request();
  EXPECT_EQ(request.uid, 1000U);
  EXPECT_EQ(request.gid, 100U);
  EXPECT_EQ(request.pid, 4711);
  EXPECT_GT(request.context.id, 0U);
  EXPECT_GT(request.context.deadline, clock_.steady_now() + std::chrono::seconds{60});
  EXPECT_LT(request.context.deadline, clock_.steady_now() + std::chrono::minutes{3});
}

TEST_F(Messages, ANameThatIsNotThereIsNoEntry) { EXPECT_EQ(lookup("nobody").error, ENOENT); }

TEST_F(Messages, ErrorsOfTheFileSystemBecomeErrno) {
  fs_.before("lookup", [](const fs::Request&) -> core::Status {
    return core::fail(ErrorKind::Unauthenticated, "no credentials");
  });
  EXPECT_EQ(lookup("a").error, EKEYEXPIRED);
  EXPECT_EQ(metrics_["fuse.failures"].value(), 1);
}

TEST_F(Messages, ForgetsGiveLookupCountsBack) {
  const auto a = fs_.add_file(fs::kRoot, "a", "");
  const auto b = fs_.add_file(fs::kRoot, "b", "");
  for (int i = 0; i < 3; ++i) {
    lookup("a");
    lookup("b");
  }
  kernel_->send(FUSE_FORGET, a, bytes_of(fuse_forget_in{2}));
  kernel_->send(FUSE_BATCH_FORGET, 0,
                bytes_of(fuse_batch_forget_in{2, 0}) + bytes_of(fuse_forget_one{a, 1}) +
                    bytes_of(fuse_forget_one{b, 3}));
  // Two threads receive; both are past the forgets once nothing is left to count.
  const auto deadline = clock_.steady_now() + std::chrono::seconds{10};
  while (fs_.lookup_count(a) + fs_.lookup_count(b) != 0 && clock_.steady_now() < deadline) {
    lookup("nobody");
  }
  EXPECT_EQ(fs_.lookup_count(a), 0);
  EXPECT_EQ(fs_.lookup_count(b), 0);
}

TEST_F(Messages, NodesAreMade) {
  fuse_mknod_in node{};
  node.mode = S_IFCHR | 0600U;
  node.rdev = 0x0501;
  const auto made = kernel_->call(FUSE_MKNOD, FUSE_ROOT_ID, bytes_of(node) + name_of("console"));
  EXPECT_EQ(made.as<fuse_entry_out>().attr.mode, S_IFCHR | 0600U);
  EXPECT_EQ(made.as<fuse_entry_out>().attr.rdev, 0x0501U);

  fuse_mkdir_in directory{};
  directory.mode = 0700;
  directory.umask = 077;
  EXPECT_EQ(kernel_->call(FUSE_MKDIR, FUSE_ROOT_ID, bytes_of(directory) + name_of("d")).error, 0);
  EXPECT_EQ(fs_.last_request().umask, 077U);
  EXPECT_EQ(kernel_->call(FUSE_MKDIR, FUSE_ROOT_ID, bytes_of(directory) + name_of("d")).error,
            EEXIST);

  const auto link = kernel_->call(FUSE_SYMLINK, FUSE_ROOT_ID, name_of("l") + name_of("../target"));
  const auto target = kernel_->call(FUSE_READLINK, link.as<fuse_entry_out>().nodeid);
  EXPECT_EQ(target.payload, "../target");
}

TEST_F(Messages, NamesMoveAndGo) {
  fs_.add_file(fs::kRoot, "a", "");
  fuse_rename2_in rename{};
  rename.newdir = FUSE_ROOT_ID;
  const auto move = [&](std::uint32_t flags) {
    rename.flags = flags;
    return kernel_->call(FUSE_RENAME2, FUSE_ROOT_ID, bytes_of(rename) + name_of("a") + name_of("b"))
        .error;
  };
  EXPECT_EQ(move(RENAME_EXCHANGE), EINVAL);
  EXPECT_EQ(move(0), 0);
  EXPECT_EQ(move(0), ENOENT);
  EXPECT_EQ(kernel_->call(FUSE_UNLINK, FUSE_ROOT_ID, name_of("b")).error, 0);
  EXPECT_EQ(kernel_->call(FUSE_RMDIR, FUSE_ROOT_ID, name_of("b")).error, ENOENT);
  fuse_link_in link{};
  link.oldnodeid = FUSE_ROOT_ID;
  EXPECT_EQ(kernel_->call(FUSE_LINK, FUSE_ROOT_ID, bytes_of(link) + name_of("c")).error, EPERM);
}

TEST_F(Messages, AttributesChange) {
  const auto inode = fs_.add_file(fs::kRoot, "a", "hello");
  fuse_setattr_in in{};
  in.valid = FATTR_SIZE | FATTR_MODE | FATTR_ATIME | FATTR_MTIME | FATTR_MTIME_NOW;
  in.size = 2;
  in.mode = S_IFREG | 0600U;
  in.atime = 5;
  in.atimensec = 7;
  const core::WallTime before = clock_.wall_now();
  const auto answer = kernel_->call(FUSE_SETATTR, inode, bytes_of(in));
  EXPECT_EQ(answer.as<fuse_attr_out>().attr.size, 2U);
  EXPECT_EQ(answer.as<fuse_attr_out>().attr_valid, 1U);
  const fs::AttributeChange change = fs_.last_change();
  EXPECT_EQ(change.size, 2U);
  EXPECT_EQ(change.mode, S_IFREG | 0600U);
  EXPECT_EQ(change.accessed, core::wall_from_unix(5, 7));
  EXPECT_GE(change.modified, before);
  EXPECT_FALSE(change.uid);
  EXPECT_FALSE(change.gid);
  EXPECT_FALSE(change.drop_set_id);
  EXPECT_EQ(fs_.content(inode), "he");
}

TEST_F(Messages, ExtendedAttributesTellTheirSizeFirst) {
  const auto inode = fs_.add_file(fs::kRoot, "a", "");
  fuse_setxattr_in set{};
  set.size = 3;
  // Without FUSE_SETXATTR_EXT the structure ends after its flags.
  const std::string head = bytes_of(set).substr(0, FUSE_COMPAT_SETXATTR_IN_SIZE);
  const std::string value("x\0y", 3);
  EXPECT_EQ(kernel_->call(FUSE_SETXATTR, inode, head + name_of("user.k") + value).error, 0);

  const auto get = [&](std::uint32_t opcode, std::uint32_t room, const std::string& name) {
    fuse_getxattr_in in{};
    in.size = room;
    return kernel_->call(opcode, inode, bytes_of(in) + name);
  };
  const std::string name = name_of("user.k");
  EXPECT_EQ(get(FUSE_GETXATTR, 0, name).as<fuse_getxattr_out>().size, 3U);
  EXPECT_EQ(get(FUSE_GETXATTR, 2, name).error, ERANGE);
  EXPECT_EQ(get(FUSE_GETXATTR, 3, name).payload, value);
  EXPECT_EQ(get(FUSE_GETXATTR, 3, name_of("user.none")).error, ENODATA);
  EXPECT_EQ(get(FUSE_LISTXATTR, 0, {}).as<fuse_getxattr_out>().size, 7U);
  EXPECT_EQ(get(FUSE_LISTXATTR, 6, {}).error, ERANGE);
  EXPECT_EQ(get(FUSE_LISTXATTR, 64, {}).payload, name);
  EXPECT_EQ(kernel_->call(FUSE_REMOVEXATTR, inode, name).error, 0);
  EXPECT_EQ(kernel_->call(FUSE_REMOVEXATTR, inode, name).error, ENODATA);
}

TEST_F(Messages, TheKernelsOwnAttributesCostNoCall) {
  const auto inode = fs_.add_file(fs::kRoot, "a", "");
  for (const std::string name : {"security.capability", "system.posix_acl_access"}) {
    const std::string get = bytes_of(fuse_getxattr_in{}) + name_of(name);
    EXPECT_EQ(kernel_->call(FUSE_GETXATTR, inode, get).error, EOPNOTSUPP);
    fuse_setxattr_in set{};
    const std::string head = bytes_of(set).substr(0, FUSE_COMPAT_SETXATTR_IN_SIZE);
    EXPECT_EQ(kernel_->call(FUSE_SETXATTR, inode, head + name_of(name)).error, EOPNOTSUPP);
  }
  EXPECT_EQ(fs_.calls("getxattr") + fs_.calls("setxattr"), 0U);
}

TEST_F(Messages, FilesOpenWithWhatTheFileSystemSaysOfThem) {
  const auto inode = fs_.add_file(fs::kRoot, "a", "hello");
  const auto open = [&](int flags) {
    fuse_open_in in{};
    in.flags = static_cast<std::uint32_t>(flags);
    return kernel_->call(FUSE_OPEN, inode, bytes_of(in)).as<fuse_open_out>();
  };
  EXPECT_EQ(open(O_RDONLY).open_flags & (FOPEN_KEEP_CACHE | FOPEN_NOFLUSH), 0U);
  fs_.open_as({{}, true, true});
  EXPECT_EQ(open(O_RDONLY).open_flags & (FOPEN_KEEP_CACHE | FOPEN_NOFLUSH),
            static_cast<unsigned>(FOPEN_KEEP_CACHE | FOPEN_NOFLUSH));
  fs_.open_as({{}, false, true, true});
  EXPECT_EQ(open(O_RDONLY).open_flags & (FOPEN_KEEP_CACHE | FOPEN_DIRECT_IO),
            static_cast<unsigned>(FOPEN_DIRECT_IO));
  fs_.open_as({});
  EXPECT_EQ(open(O_WRONLY | O_TRUNC).fh, inode);
  EXPECT_EQ(fs_.content(inode), "");

  fuse_create_in create{};
  create.flags = O_RDWR | O_CREAT;
  create.mode = S_IFREG | 0640U;
  const auto created = kernel_->call(FUSE_CREATE, FUSE_ROOT_ID, bytes_of(create) + name_of("new"));
  EXPECT_EQ(created.as<fuse_entry_out>().attr.mode, S_IFREG | 0640U);
  EXPECT_EQ(created.as<fuse_open_out>(sizeof(fuse_entry_out)).fh,
            created.as<fuse_entry_out>().nodeid);
}

TEST_F(Messages, FilesAreReadAndWritten) {
  const auto inode = fs_.add_file(fs::kRoot, "a", "hello");
  EXPECT_EQ(kernel_->await(send_read(inode, 1, 3)).payload, "ell");
  EXPECT_EQ(kernel_->await(send_read(inode, 99, 3)).payload, "");
  EXPECT_EQ(kernel_->await(send_write(inode, 5, " world")).as<fuse_write_out>().size, 6U);
  EXPECT_EQ(fs_.content(inode), "hello world");

  fuse_lseek_in seek{};
  seek.fh = inode;
  seek.whence = SEEK_HOLE;
  EXPECT_EQ(kernel_->call(FUSE_LSEEK, inode, bytes_of(seek)).as<fuse_lseek_out>().offset, 11U);
  seek.offset = 11;
  EXPECT_EQ(kernel_->call(FUSE_LSEEK, inode, bytes_of(seek)).error, ENXIO);

  fuse_fallocate_in allocate{};
  EXPECT_EQ(kernel_->call(FUSE_FALLOCATE, inode, bytes_of(allocate)).error, EOPNOTSUPP);
  for (const auto& [opcode, name] : {std::pair<fuse_opcode, std::string>{FUSE_FLUSH, "flush"},
                                     {FUSE_FSYNC, "fsync"},
                                     {FUSE_RELEASE, "release"}}) {
    EXPECT_EQ(kernel_->call(opcode, inode, std::string(sizeof(fuse_release_in), '\0')).error, 0);
    EXPECT_EQ(fs_.calls(name), 1U) << name;
  }
}

TEST_F(Messages, AFailedCloseReachesTheCaller) {
  const auto inode = fs_.add_file(fs::kRoot, "a", "hello");
  fs_.before("flush", [](const fs::Request&) -> core::Status {
    return core::fail(ErrorKind::Unavailable, "503");
  });
  EXPECT_EQ(kernel_->call(FUSE_FLUSH, inode, bytes_of(fuse_flush_in{})).error, EIO);
}

struct Listed {
  std::string name;
  std::uint64_t inode;  ///< that the kernel makes; 0: none
  std::uint64_t offset;
};

class Listing : public Messages {
 protected:
  std::vector<Listed> list(std::uint64_t offset, std::uint32_t room) {
    fuse_read_in in{};
    in.fh = FUSE_ROOT_ID;
    in.offset = offset;
    in.size = room;
    const auto answer = kernel_->call(FUSE_READDIRPLUS, FUSE_ROOT_ID, bytes_of(in));
    EXPECT_EQ(answer.error, 0);
    EXPECT_LE(answer.payload.size(), room);
    std::vector<Listed> out;
    for (std::size_t at = 0; at < answer.payload.size();) {
      const auto entry = answer.as<fuse_direntplus>(at);
      out.push_back({answer.payload.substr(at + FUSE_NAME_OFFSET_DIRENTPLUS, entry.dirent.namelen),
                     entry.entry_out.nodeid, entry.dirent.off});
      EXPECT_NE(entry.dirent.ino, 0U);
      at += FUSE_DIRENTPLUS_SIZE(&entry);
    }
    return out;
  }
};

TEST_F(Listing, GoesOnWhereTheRoomEnded) {
  const auto a = fs_.add_file(fs::kRoot, "a", "");
  const auto b = fs_.add_file(fs::kRoot, "b", "");
  const auto c = fs_.add_file(fs::kRoot, "c", "");
  const auto first = list(0, 400);  // room for two
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].name, "a");
  EXPECT_EQ(first[1].inode, b);
  const auto rest = list(first[1].offset, 400);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].name, "c");
  EXPECT_TRUE(list(rest[0].offset, 400).empty());
  EXPECT_THAT((std::vector{fs_.lookup_count(a), fs_.lookup_count(b), fs_.lookup_count(c)}),
              ElementsAre(1, 1, 1));
}

TEST_F(Listing, AnIncompleteEntryMakesNoInode) {
  const auto a = fs_.add_file(fs::kRoot, "a", "");
  fs_.list_incomplete();
  const auto listed = list(0, 4096);
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].inode, 0U);
  EXPECT_EQ(fs_.lookup_count(a), 0);
}

TEST_F(Listing, PlainListingsTellNameAndType) {
  fs_.add_file(fs::kRoot, "a", "");
  fuse_read_in in{};
  in.fh = FUSE_ROOT_ID;
  in.size = 4096;
  EXPECT_EQ(kernel_->call(FUSE_OPENDIR, FUSE_ROOT_ID, bytes_of(fuse_open_in{})).error, 0);
  const auto answer = kernel_->call(FUSE_READDIR, FUSE_ROOT_ID, bytes_of(in));
  const auto entry = answer.as<fuse_dirent>();
  EXPECT_EQ(entry.type, static_cast<unsigned>(S_IFREG) >> 12U);
  EXPECT_EQ(answer.payload.substr(FUSE_NAME_OFFSET, entry.namelen), "a");
  const std::string release(sizeof(fuse_release_in), '\0');
  EXPECT_EQ(kernel_->call(FUSE_FSYNCDIR, FUSE_ROOT_ID, bytes_of(fuse_fsync_in{})).error, 0);
  EXPECT_EQ(kernel_->call(FUSE_RELEASEDIR, FUSE_ROOT_ID, release).error, 0);
  EXPECT_EQ(fs_.calls("releasedir"), 1U);
}

TEST_F(Listing, AFailureIsTheAnswer) {
  fs_.before("readdir", [](const fs::Request&) -> core::Status {
    return core::fail(ErrorKind::Denied, "no list rights");
  });
  fuse_read_in in{};
  in.fh = FUSE_ROOT_ID;
  in.size = 4096;
  EXPECT_EQ(kernel_->call(FUSE_READDIR, FUSE_ROOT_ID, bytes_of(in)).error, EACCES);
}

TEST_F(Messages, SpaceIsTold) {
  const auto out = kernel_->call(FUSE_STATFS, FUSE_ROOT_ID).as<fuse_statfs_out>();
  EXPECT_EQ(out.st.blocks * out.st.frsize, 1ULL << 40U);
  EXPECT_EQ(out.st.bavail * out.st.frsize, 1ULL << 39U);
  EXPECT_EQ(out.st.namelen, 255U);
}

TEST_F(Messages, WhatWeDoNotDoIsLeftToTheKernel) {
  for (const std::uint32_t opcode :
       {static_cast<std::uint32_t>(FUSE_GETLK), static_cast<std::uint32_t>(FUSE_SETLK),
        static_cast<std::uint32_t>(FUSE_ACCESS), static_cast<std::uint32_t>(FUSE_BMAP),
        static_cast<std::uint32_t>(FUSE_POLL), static_cast<std::uint32_t>(FUSE_SYNCFS), 999U}) {
    EXPECT_EQ(kernel_->call(opcode, FUSE_ROOT_ID, std::string(128, '\0')).error, ENOSYS) << opcode;
  }
}

TEST_F(Messages, ACopyThatIsNotMadeIsLeftToTheKernel) {
  const std::string order(sizeof(fuse_copy_file_range_in), '\0');
  EXPECT_EQ(kernel_->call(FUSE_COPY_FILE_RANGE, FUSE_ROOT_ID, order).error, EOPNOTSUPP);
}

}  // namespace
}  // namespace test
