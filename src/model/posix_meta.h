#pragma once
// What a file is besides its bytes, as user metadata of its object: x-oss-meta-{mode,uid,gid,mtime,
// atime,ctime,rdev,symlink-target,xattr}. The spellings are those of s3fs and ossfs 1, so that
// buckets move between the tools.
#include <sys/types.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/time.h"

namespace model {

/// User metadata by name in lower case, as store::UserMeta: values as they stand in headers, so
/// that what others wrote survives to the letter (meta_text.h: how ours get there).
using UserMeta = std::map<std::string, std::string>;

struct PosixMeta {
  std::optional<mode_t> mode;  ///< type bits included, unless whoever wrote it left them out
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::optional<core::WallTime> modified;
  std::optional<core::WallTime> accessed;
  std::optional<core::WallTime> changed;
  std::optional<dev_t> device;
  std::optional<std::string> symlink_target;  ///< the exact text
  std::map<std::string, std::string> xattrs;  ///< full names ("user.x") to raw values
  /// Entries of these names that are in a form of somebody else's. They are not ours to drop.
  std::set<std::string> unread;
  friend bool operator==(const PosixMeta&, const PosixMeta&) = default;
};

/// What can be understood of `user`.
PosixMeta parse_posix_meta(const UserMeta& user);

/// `user` with its entries of ours replaced by `meta`, but for those in `meta.unread`; what others
/// wrote stays.
/// Errors: InvalidArgument: the name of an extended attribute is not UTF-8; Unsupported: extended
///   attributes beside an entry of them that could not be read.
core::Result<UserMeta> with_posix_meta(UserMeta user, const PosixMeta& meta);

/// "1700000000.123456789", and what the tools write: "1700000000", "1700000000.5".
std::string format_timestamp(core::WallTime time);
std::optional<core::WallTime> parse_timestamp(std::string_view text);

/// s3fs and ossfs 1 write decimal with type bits ("33188"), rclone octal ("100644"); a number that
/// makes sense only as octal is octal.
std::optional<mode_t> parse_mode(std::string_view text);

/// May `uid` with `gid` do `mask` (R_OK, W_OK, X_OK)? For root everything is allowed here: what the
/// kernel refuses root it refuses itself.
bool access_allowed(mode_t mode, uid_t owner, gid_t group, uid_t uid, gid_t gid, int mask);

}  // namespace model
