#include "fuse/operations.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <span>
#include <string_view>

#include "fuse/convert.h"
#include "fuse/shell.h"

namespace fuse {

FileInfo to_file_info(const fuse_file_info* info) {
  return info == nullptr ? FileInfo{} : FileInfo{info->fh, info->flags};
}

Dispatcher& dispatcher_of(fuse_req* request) {
  return *static_cast<Dispatcher*>(fuse_req_userdata(request));
}

namespace {

using fs::InodeNumber;
using std::string;

// ---- names -------------------------------------------------------------------------------------

/// The kernel's lookup count of an entry exists only if the answer arrived.
void answer_entry(Call& call, const core::Result<fs::Entry>& entry) {
  if (!entry) {
    call.reply.error(entry.error());
  } else if (!call.reply.entry(*entry)) {
    call.fs.forget(entry->attributes.inode, 1);
  }
}

constexpr Operation kLookup{"lookup"};
void lookup(Call& call, InodeNumber parent, const string& name) {
  answer_entry(call, call.fs.lookup(call.request, parent, name));
}

void forget(fuse_req_t request, fuse_ino_t inode, std::uint64_t count) noexcept {
  guarded("forget", [&] { dispatcher_of(request).file_system().forget(inode, count); });
  fuse_reply_none(request);
}

void forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) noexcept {
  guarded("forget", [&] {
    Dispatcher& dispatcher = dispatcher_of(request);
    std::vector<Forgets::Forgotten> forgotten;
    forgotten.reserve(count);
    for (const fuse_forget_data& one : std::span(forgets, count)) {
      forgotten.push_back({one.ino, one.nlookup});
    }
    if (dispatcher.forgets().add(forgotten)) {
      dispatcher.run([&dispatcher] { dispatcher.forgets().work_off(); });
    }
  });
  fuse_reply_none(request);
}

constexpr Operation kMknod{"mknod"};
void mknod(Call& call, InodeNumber parent, const string& name, mode_t mode, dev_t device) {
  answer_entry(call, call.fs.mknod(call.request, parent, name, mode, device));
}

constexpr Operation kMkdir{"mkdir"};
void mkdir(Call& call, InodeNumber parent, const string& name, mode_t mode) {
  answer_entry(call, call.fs.mkdir(call.request, parent, name, mode));
}

constexpr Operation kSymlink{"symlink"};
void symlink(fuse_req_t request, const char* target, fuse_ino_t parent, const char* name) noexcept {
  patiently(
      request, kSymlink, parent,
      [](Call& call, InodeNumber in, const string& link, const string& text) {
        answer_entry(call, call.fs.symlink(call.request, in, link, text));
      },
      name, target);
}

constexpr Operation kReadlink{"readlink"};
void readlink(Call& call, InodeNumber inode) {
  const core::Result<string> target = call.fs.readlink(call.request, inode);
  target ? call.reply.link_target(*target) : call.reply.error(target.error());
}

constexpr Operation kUnlink{"unlink"};
void unlink(Call& call, InodeNumber parent, const string& name) {
  call.reply.done(call.fs.unlink(call.request, parent, name));
}

constexpr Operation kRmdir{"rmdir"};
void rmdir(Call& call, InodeNumber parent, const string& name) {
  call.reply.done(call.fs.rmdir(call.request, parent, name));
}

constexpr Operation kRename{"rename", &Patience::data};
void rename(Call& call, InodeNumber parent, const string& name, InodeNumber new_parent,
            const string& new_name, unsigned flags) {
  const core::Status status =
      call.fs.rename(call.request, parent, name, new_parent, new_name, flags);
  if (!status && flags != 0 && status.error().kind == core::ErrorKind::Unsupported) {
    call.reply.error(EINVAL);  // renameat2(2): the file system does not support the flag
    return;
  }
  call.reply.done(status);
}

constexpr Operation kLink{"link", &Patience::data};
void link(Call& call, InodeNumber inode, InodeNumber new_parent, const string& new_name) {
  answer_entry(call, call.fs.link(call.request, inode, new_parent, new_name));
}

// ---- attributes --------------------------------------------------------------------------------

void answer_attributes(Call& call, const core::Result<fs::Entry>& entry) {
  entry ? call.reply.attributes(*entry) : call.reply.error(entry.error());
}

constexpr Operation kGetattr{"getattr"};
void getattr(Call& call, InodeNumber inode, const FileInfo& /*file*/) {
  answer_attributes(call, call.fs.getattr(call.request, inode));
}

constexpr Operation kSetattr{"setattr", &Patience::data};
void setattr(fuse_req_t request, fuse_ino_t inode, struct stat* attributes, int to_set,
             fuse_file_info* file) noexcept {
  Dispatcher& dispatcher = dispatcher_of(request);
  fs::AttributeChange wanted = to_change(*attributes, to_set, dispatcher.clock().wall_now());
  // How the kernel tells of writes that it keeps (fs/fuse/inode.c, fuse_flush_times).
  wanted.written = dispatcher.kernel_writes_back() && file != nullptr &&
                   to_set == (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_CTIME);
  patiently(
      request, kSetattr, inode,
      [](Call& call, InodeNumber of, const fs::AttributeChange& change) {
        answer_attributes(call, call.fs.setattr(call.request, of, change));
      },
      wanted);
}

/// The kernel asks for these on its own (security.capability before each write), and programs for
/// each file that they list. `ls` asks no more once it hears that a file system has no such thing,
/// and so spares two trips a name.
bool never_kept(std::string_view name) {
  return name.starts_with("security.") || name.starts_with("system.");
}

/// With `room` 0 the caller asks how much it needs.
void answer_attribute(Call& call, std::string_view value, std::size_t room) {
  if (room == 0) {
    call.reply.attribute_size(value.size());
  } else if (value.size() > room) {
    call.reply.error(ERANGE);
  } else {
    call.reply.bytes(value);
  }
}

constexpr Operation kGetxattr{"getxattr"};
void getxattr(fuse_req_t request, fuse_ino_t inode, const char* name, std::size_t size) noexcept {
  if (never_kept(name)) {
    here(request, kGetxattr, inode,
         [](const std::shared_ptr<Call>& call) { call->reply.error(EOPNOTSUPP); });
    return;
  }
  patiently(
      request, kGetxattr, inode,
      [](Call& call, InodeNumber of, const string& attribute, std::size_t room) {
        const core::Result<string> value = call.fs.getxattr(call.request, of, attribute);
        value ? answer_attribute(call, *value, room)
              : static_cast<void>(call.reply.error(value.error()));
      },
      name, size);
}

constexpr Operation kSetxattr{"setxattr"};
void setxattr(fuse_req_t request, fuse_ino_t inode, const char* name, const char* value,
              std::size_t size, int flags) noexcept {
  here(request, kSetxattr, inode, [&](const std::shared_ptr<Call>& call) {
    if (never_kept(name)) {
      call->reply.error(EOPNOTSUPP);
      return;
    }
    dispatcher_of(request).run(
        [call, inode, flags, attribute = string(name), content = string(value, size)] {
          guarded(kSetxattr.name, [&] {
            call->reply.done(call->fs.setxattr(call->request, inode, attribute, content, flags));
          });
        });
  });
}

constexpr Operation kListxattr{"listxattr"};
void listxattr(Call& call, InodeNumber inode, std::size_t room) {
  const core::Result<std::vector<string>> names = call.fs.listxattr(call.request, inode);
  if (!names) {
    call.reply.error(names.error());
    return;
  }
  string joined;
  for (const string& name : *names) {
    joined.append(name).push_back('\0');
  }
  answer_attribute(call, joined, room);
}

constexpr Operation kRemovexattr{"removexattr"};
void removexattr(Call& call, InodeNumber inode, const string& name) {
  if (never_kept(name)) {
    call.reply.error(ENODATA);
    return;
  }
  call.reply.done(call.fs.removexattr(call.request, inode, name));
}

// ---- files -------------------------------------------------------------------------------------

constexpr Operation kOpen{"open"};
void open(Call& call, InodeNumber inode, const FileInfo& file) {
  const core::Result<fs::Opened> opened = call.fs.open(call.request, inode, file.flags);
  if (!opened) {
    call.reply.error(opened.error());
  } else if (!call.reply.opened(*opened)) {
    call.fs.release(call.request, opened->handle);
  }
}

constexpr Operation kCreate{"create"};
void create(Call& call, InodeNumber parent, const string& name, mode_t mode, const FileInfo& file) {
  const auto created = call.fs.create(call.request, parent, name, mode, file.flags);
  if (!created) {
    call.reply.error(created.error());
  } else if (!call.reply.created(created->entry, created->opened)) {
    call.fs.release(call.request, created->opened.handle);
    call.fs.forget(created->entry.attributes.inode, 1);
  }
}

void answer_read(Call& call, const core::Result<std::vector<core::Bytes>>& found,
                 std::size_t asked) {
  if (!found) {
    call.reply.error(found.error());
    return;
  }
  std::size_t size = 0;
  for (const core::Bytes& slice : *found) {
    size += slice.size();
  }
  if (size > asked) {  // the kernel would refuse the answer, and its caller learn nothing
    call.reply.error(core::fail(core::ErrorKind::Internal, "more bytes than the read asked for"));
    return;
  }
  call.reply.slices(*found);
}

constexpr Operation kRead{"read", &Patience::data};
void read(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t offset,
          fuse_file_info* file) noexcept {
  here(request, kRead, inode, [&](const std::shared_ptr<Call>& call) {
    call->fs.read(call->request, {inode, file->fh}, static_cast<std::uint64_t>(offset), size,
                  [call, size](const core::Result<std::vector<core::Bytes>>& found) {
                    guarded(kRead.name, [&] { answer_read(*call, found, size); });
                  });
  });
}

constexpr Operation kWrite{"write", &Patience::data};
void write_bytes(Call& call, fs::FileHandle handle, off_t offset, core::ByteView data,
                 core::BlockOffer& offer) {
  const auto written =
      call.fs.write_block(call.request, handle, static_cast<std::uint64_t>(offset), data, offer);
  Crew::will_not_wait();
  written ? call.reply.written(*written) : call.reply.error(written.error());
}

void write(fuse_req_t request, fuse_ino_t inode, const char* data, std::size_t size, off_t offset,
           fuse_file_info* file) noexcept {
  here(request, kWrite, inode, [&](const std::shared_ptr<Call>& call) {
    Crew& crew = dispatcher_of(request).crew();
    call->request.write_back = file->writepage != 0;
    if (crew.may_wait()) {  // the buffer is ours as long as we use it
      write_bytes(*call, {inode, file->fh}, offset, core::as_bytes({data, size}), Crew::offer());
      return;
    }
    crew.post([call, handle = fs::FileHandle{inode, file->fh}, offset, copy = string(data, size)] {
      core::BlockOffer none;
      guarded(kWrite.name, [&] { write_bytes(*call, handle, offset, core::as_bytes(copy), none); });
    });
  });
}

constexpr Operation kFlush{"flush", &Patience::data};
void flush(Call& call, InodeNumber inode, const FileInfo& file) {
  call.reply.done(call.fs.flush(call.request, {inode, file.handle}));
}

constexpr Operation kFsync{"fsync", &Patience::data};
void fsync(Call& call, InodeNumber inode, int /*data_only*/, const FileInfo& file) {
  call.reply.done(call.fs.fsync(call.request, {inode, file.handle}));
}

constexpr Operation kRelease{"release", &Patience::data};
void release(Call& call, InodeNumber inode, const FileInfo& file) {
  call.fs.release(call.request, {inode, file.handle});
  call.reply.done();
}

constexpr Operation kFallocate{"fallocate", &Patience::data};
void fallocate(Call& call, InodeNumber inode, int mode, off_t offset, off_t length,
               const FileInfo& file) {
  call.reply.done(call.fs.fallocate(call.request, {inode, file.handle}, mode,
                                    static_cast<std::uint64_t>(offset),
                                    static_cast<std::uint64_t>(length)));
}

constexpr Operation kCopyFileRange{"copy_file_range", &Patience::data};
void copy_file_range(fuse_req_t request, fuse_ino_t from, off_t from_offset, fuse_file_info* source,
                     fuse_ino_t to, off_t to_offset, fuse_file_info* target, std::size_t length,
                     int /*flags*/) noexcept {
  const fs::CopyRange range{{from, source->fh},
                            static_cast<std::uint64_t>(from_offset),
                            {to, target->fh},
                            static_cast<std::uint64_t>(to_offset),
                            length};
  patiently(
      request, kCopyFileRange, from,
      [](Call& call, InodeNumber /*from*/, const fs::CopyRange& wanted) {
        const auto copied = call.fs.copy_range(call.request, wanted);
        // EOPNOTSUPP makes the kernel move the bytes through its pages.
        copied ? call.reply.written(*copied) : call.reply.error(copied.error());
      },
      range);
}

constexpr Operation kLseek{"lseek"};
void lseek(Call& call, InodeNumber inode, off_t offset, int whence, const FileInfo& file) {
  if (call.kernel_writes_back) {
    call.reply.error(ENOSYS);  // what the kernel keeps would be holes to us: it takes all for data
    return;
  }
  const auto found =
      call.fs.seek(call.request, {inode, file.handle}, static_cast<std::uint64_t>(offset), whence);
  if (found) {
    call.reply.offset(*found);
  } else if (found.error().kind == core::ErrorKind::OutOfRange) {
    call.reply.error(ENXIO);  // lseek(2): beyond the end
  } else {
    call.reply.error(found.error());
  }
}

// ---- directories -------------------------------------------------------------------------------

constexpr Operation kOpendir{"opendir"};
void opendir(Call& call, InodeNumber inode, const FileInfo& /*file*/) {
  const core::Result<fs::FileHandle> handle = call.fs.opendir(call.request, inode);
  if (!handle) {
    call.reply.error(handle.error());
  } else if (!call.reply.opened({*handle})) {
    call.fs.releasedir(*handle);
  }
}

/// Entries in the kernel's form, until `room` bytes are full.
class Listing {
 public:
  Listing(fuse_req_t request, std::size_t room, bool plus)
      : request_(request), plus_(plus), buffer_(room, '\0') {}

  bool add(const fs::DirectoryEntry& entry) {
    const std::size_t left = buffer_.size() - used_;
    char* const at = buffer_.data() + used_;
    const auto next = static_cast<off_t>(entry.next_offset);
    std::size_t need = 0;
    if (plus_) {
      fuse_entry_param param = to_entry(entry.attributes, entry.lifetime);
      if (!entry.complete) {
        param.ino = 0;  // d_ino comes from the attributes; the kernel makes no inode
      }
      need = fuse_add_direntry_plus(request_, at, left, entry.name.c_str(), &param, next);
    } else {
      const struct stat attributes = to_stat(entry.attributes);
      need = fuse_add_direntry(request_, at, left, entry.name.c_str(), &attributes, next);
    }
    if (need > left) {
      return false;
    }
    used_ += need;
    if (plus_ && entry.complete) {
      counted_.push_back(entry.attributes.inode);
    }
    return true;
  }

  [[nodiscard]] std::string_view bytes() const { return {buffer_.data(), used_}; }
  /// Inodes that got a lookup count.
  [[nodiscard]] const std::vector<InodeNumber>& counted() const { return counted_; }

 private:
  fuse_req_t request_;
  bool plus_;
  string buffer_;
  std::size_t used_ = 0;
  std::vector<InodeNumber> counted_;
};

void list(Call& call, fs::FileHandle handle, std::size_t room, off_t offset, bool plus) {
  // libfuse's formatting functions take the request and do not look at it.
  Listing listing(nullptr, room, plus);
  const core::Status status =
      call.fs.readdir(call.request, handle, static_cast<std::uint64_t>(offset), plus,
                      [&](const fs::DirectoryEntry& entry) { return listing.add(entry); });
  if (!status && listing.bytes().empty()) {
    call.reply.error(status.error());
    return;
  }
  // What was listed before a failure carries lookup counts: hand it over, the next call fails.
  if (!call.reply.bytes(listing.bytes())) {
    for (const InodeNumber inode : listing.counted()) {
      call.fs.forget(inode, 1);
    }
  }
}

constexpr Operation kReaddir{"readdir"};
void readdir(Call& call, InodeNumber inode, std::size_t room, off_t offset, const FileInfo& file) {
  list(call, {inode, file.handle}, room, offset, false);
}

constexpr Operation kReaddirplus{"readdirplus"};
void readdirplus(Call& call, InodeNumber inode, std::size_t room, off_t offset,
                 const FileInfo& file) {
  list(call, {inode, file.handle}, room, offset, true);
}

constexpr Operation kReleasedir{"releasedir"};
void releasedir(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) noexcept {
  here(request, kReleasedir, inode, [&](const std::shared_ptr<Call>& call) {
    call->fs.releasedir({inode, file->fh});
    call->reply.done();
  });
}

constexpr Operation kFsyncdir{"fsyncdir"};
void fsyncdir(Call& call, InodeNumber inode, int /*data_only*/, const FileInfo& /*file*/) {
  call.reply.done(call.fs.fsyncdir(call.request, inode));
}

constexpr Operation kStatfs{"statfs"};
void statfs(Call& call, InodeNumber /*inode*/) {
  const core::Result<fs::SpaceInfo> space = call.fs.statfs(call.request);
  space ? call.reply.space(*space) : call.reply.error(space.error());
}

// ---- the session -------------------------------------------------------------------------------

void init(void* userdata, fuse_conn_info* connection) noexcept {
  // Wanted by name, so that a newer library's defaults change nothing.
  // Not wanted: splice (slower than copying), write-back unless told (the kernel owns dirty data
  // and times), locks (the kernel's own hold within the mount), ATOMIC_O_TRUNC (it would have us
  // truncate a program before it looks whether that runs), DONT_MASK and POSIX_ACL (the kernel
  // applies the umask), HANDLE_KILLPRIV (its second version does better: session.cc).
  constexpr unsigned kWanted = FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_DIO |
                               FUSE_CAP_READDIRPLUS | FUSE_CAP_EXPORT_SUPPORT |
                               FUSE_CAP_AUTO_INVAL_DATA;
  const bool writes_back = static_cast<const Dispatcher*>(userdata)->kernel_writes_back();
  connection->want =
      (kWanted | (writes_back ? FUSE_CAP_WRITEBACK_CACHE : 0U)) & connection->capable;
  connection->max_write = kMaxWriteBytes;
  connection->max_background = 128;
  connection->congestion_threshold = 96;
  connection->time_gran = 1;
}

fuse_lowlevel_ops make_operations() {
  fuse_lowlevel_ops table{};
  table.init = init;
  table.lookup = shell<kLookup, lookup>;
  table.forget = forget;
  table.forget_multi = forget_multi;
  table.getattr = shell<kGetattr, getattr>;
  table.setattr = setattr;
  table.readlink = shell<kReadlink, readlink>;
  table.mknod = shell<kMknod, mknod>;
  table.mkdir = shell<kMkdir, mkdir>;
  table.unlink = shell<kUnlink, unlink>;
  table.rmdir = shell<kRmdir, rmdir>;
  table.symlink = symlink;
  table.rename = shell<kRename, rename>;
  table.link = shell<kLink, link>;
  table.open = shell<kOpen, open>;
  table.create = shell<kCreate, create>;
  table.read = read;
  table.write = write;
  table.flush = shell<kFlush, flush>;
  table.fsync = shell<kFsync, fsync>;
  table.release = shell<kRelease, release>;
  table.fallocate = shell<kFallocate, fallocate>;
  table.copy_file_range = copy_file_range;
  table.lseek = shell<kLseek, lseek>;
  table.opendir = shell<kOpendir, opendir>;
  table.readdir = shell<kReaddir, readdir>;
  table.readdirplus = shell<kReaddirplus, readdirplus>;
  table.releasedir = releasedir;
  table.fsyncdir = shell<kFsyncdir, fsyncdir>;
  table.statfs = shell<kStatfs, statfs>;
  table.getxattr = getxattr;
  table.setxattr = setxattr;
  table.listxattr = shell<kListxattr, listxattr>;
  table.removexattr = shell<kRemovexattr, removexattr>;
  // Left out, so that the kernel gets ENOSYS and does them itself or refuses: access, bmap, ioctl,
  // poll, getlk, setlk, flock.
  return table;
}

}  // namespace

const fuse_lowlevel_ops& operations() {
  static const fuse_lowlevel_ops table = make_operations();
  return table;
}

}  // namespace fuse
