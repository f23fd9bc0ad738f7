#pragma once
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/unique_fd.h"

namespace fuse {

struct MountOptions {
  std::string source;       ///< what /proc/mounts shows, such as oss://bucket/prefix
  std::string mount_point;  ///< an existing directory
  bool allow_other = false;
  bool read_only = false;
  bool no_exec = false;  ///< programs cannot be run from the mount
};

/// Where a session's bytes come from: a fresh mount, or a descriptor that somebody else prepared (a
/// mount handed over, a test's socket). Mounts are nosuid, nodev and default_permissions.
/// Threads: one at a time; descriptor() and mount_point() from any.
class Channel {
 public:
  /// Mounts: by hand as root, through fusermount3 as anybody else.
  ///
  /// Errors:  each names the mount point and what to do. NotFound: no mount point, no /dev/fuse, no
  ///          fusermount3. NotDirectory. Busy: one of these is mounted there, alive or dead.
  ///          Denied. NotPermitted: allow_other without user_allow_other in /etc/fuse.conf.
  static core::Result<Channel> mount(const MountOptions& options);
  /// What mount() says of the mount point before it tries: its absolute path without links, or
  /// NotFound, NotDirectory, Busy.
  static core::Result<std::string> check_mount_point(const std::string& mount_point);
  /// Frees a mount point from mounts of ours whose daemons have died; whoever uses it gets
  /// ENOTCONN. Errors: Denied: it is somebody else's.
  static core::Status take_dead_away(const std::string& mount_point);
  /// A connection that is mounted at `mount_point`, or nowhere if that is empty: a test's.
  static Channel adopt(core::UniqueFd descriptor, std::string mount_point = {});

  Channel(Channel&& other) noexcept = default;
  Channel& operator=(Channel&& other) = delete;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  /// Detaches the mount point if it is still mounted, so that no dead mount stays behind.
  ~Channel();

  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  /// Absolute; empty for a test's.
  [[nodiscard]] const std::string& mount_point() const { return mount_point_; }

  enum class Manner { IfIdle, Detach };
  /// Frees the mount point. With Detach, programs that have something open there keep it until the
  /// descriptor closes. Nothing happens if the connection has ended already.
  /// Errors: Busy, with IfIdle only.
  core::Status unmount(Manner manner);

 private:
  Channel(core::UniqueFd descriptor, std::string mount_point)
      : descriptor_(std::move(descriptor)),
        mount_point_(std::move(mount_point)),
        mounted_(!mount_point_.empty()) {}

  core::UniqueFd descriptor_;
  std::string mount_point_;
  bool mounted_;
};

/// Type and source of the uppermost mount at `directory` (absolute, no links) in the text of
/// /proc/self/mountinfo; empty if none is there.
struct MountEntry {
  std::string type;
  std::string source;
};
MountEntry find_mount(std::string_view mountinfo, std::string_view directory);

/// Whether the text of fuse.conf lets users share their mounts.
bool allows_other(std::string_view fuse_conf);

}  // namespace fuse
