#include "fuse/convert.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

namespace fuse {
namespace {

using namespace std::chrono_literals;

/// Buffered writers take st_blksize as their buffer: one request of the largest size instead of
/// many small ones.
constexpr blksize_t kFileBlockBytes = 1 << 20;
constexpr blksize_t kOtherBlockBytes = 4096;
constexpr std::uint64_t kSpaceBlockBytes = 4096;
/// As on local file systems; programs size their buffers by it.
constexpr unsigned long kLongestName = 255;

timespec to_timespec(core::WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  timespec out{};
  out.tv_sec = seconds.time_since_epoch().count();
  out.tv_nsec = static_cast<long>((time - seconds).count());
  return out;
}

}  // namespace

struct stat to_stat(const fs::Attributes& attributes) {
  struct stat out {};
  out.st_ino = attributes.inode;
  out.st_mode = attributes.mode;
  out.st_nlink = attributes.links;
  out.st_uid = attributes.uid;
  out.st_gid = attributes.gid;
  out.st_rdev = attributes.device;
  out.st_size = static_cast<off_t>(attributes.size);
  out.st_blocks = static_cast<blkcnt_t>(attributes.blocks);
  out.st_blksize = S_ISREG(attributes.mode) ? kFileBlockBytes : kOtherBlockBytes;
  out.st_atim = to_timespec(attributes.accessed);
  out.st_mtim = to_timespec(attributes.modified);
  out.st_ctim = to_timespec(attributes.changed);
  return out;
}

fuse_entry_param to_entry(const fs::Attributes& attributes, core::Duration lifetime) {
  fuse_entry_param out{};
  out.ino = attributes.inode;
  out.attr = to_stat(attributes);
  out.attr_timeout = to_seconds(lifetime);
  out.entry_timeout = out.attr_timeout;
  return out;
}

struct statvfs to_statvfs(const fs::SpaceInfo& space) {
  struct statvfs out {};
  out.f_bsize = kSpaceBlockBytes;
  out.f_frsize = kSpaceBlockBytes;
  out.f_blocks = space.total_bytes / kSpaceBlockBytes;
  out.f_bfree = space.free_bytes / kSpaceBlockBytes;
  out.f_bavail = out.f_bfree;
  out.f_files = space.files;
  out.f_ffree = space.files;
  out.f_favail = space.files;
  out.f_namemax = kLongestName;
  return out;
}

double to_seconds(core::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

core::WallTime to_wall_time(const timespec& time) {
  return core::wall_from_unix(time.tv_sec, time.tv_nsec);
}

fs::AttributeChange to_change(const struct stat& attributes, int to_set, core::WallTime now) {
  const auto asked = [to_set](int bit) { return (to_set & bit) != 0; };
  fs::AttributeChange out;
  if (asked(FUSE_SET_ATTR_MODE)) {
    out.mode = attributes.st_mode;
  }
  if (asked(FUSE_SET_ATTR_UID)) {
    out.uid = attributes.st_uid;
  }
  if (asked(FUSE_SET_ATTR_GID)) {
    out.gid = attributes.st_gid;
  }
  if (asked(FUSE_SET_ATTR_SIZE)) {
    out.size = static_cast<std::uint64_t>(attributes.st_size);
  }
  if (asked(FUSE_SET_ATTR_ATIME)) {
    out.accessed = asked(FUSE_SET_ATTR_ATIME_NOW) ? now : to_wall_time(attributes.st_atim);
  }
  if (asked(FUSE_SET_ATTR_MTIME)) {
    out.modified = asked(FUSE_SET_ATTR_MTIME_NOW) ? now : to_wall_time(attributes.st_mtim);
  }
  out.drop_set_id = asked(FUSE_SET_ATTR_KILL_SUID);
  return out;
}

}  // namespace fuse
