#pragma once
// Where things lie on the host: mount points, control sockets, state.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/unique_fd.h"
#include "options/environment.h"

namespace app {

/// One of our mounts as /proc/self/mountinfo shows it.
struct MountRow {
  std::string mount_point;
  std::string source;
  uid_t owner = 0;
};
/// All that stsfs has mounted, in order. Pure; `mountinfo` is the file's text.
std::vector<MountRow> our_mounts(std::string_view mountinfo);
/// The text of /proc/self/mountinfo.
core::Result<std::string> read_mountinfo();

/// The absolute path without links of `path`, found without asking what is mounted there: a mount
/// whose daemon hangs or is dead does not stop us.
core::Result<std::string> resolve_mount_point(const std::string& path);

/// "localhost" where the host has no name.
std::string host_name();
/// $HOME, else what the user database says; empty if neither knows.
std::string home_directory(const options::Environment& environment);

/// Where the daemon of this user puts its control socket.
/// Source: product rule: --runtime-dir, $RUNTIME_DIRECTORY, /run/stsfs or $XDG_RUNTIME_DIR/stsfs.
std::string runtime_directory(std::string_view told, const options::Environment& environment);
/// Where the socket of the mount at `mount_point`, which `owner` made, may be; likeliest first.
std::vector<std::string> control_sockets(const std::string& mount_point, uid_t owner,
                                         std::string_view told,
                                         const options::Environment& environment);

/// The folder of state of one mount point, held by one daemon.
struct StateDirectory {
  std::string path;
  core::UniqueFd lock;
};
/// Errors: Busy when another daemon holds it.
core::Result<StateDirectory> open_state_directory(std::string_view told,
                                                  const std::string& mount_point,
                                                  const options::Environment& environment);

/// Frees a mount point from outside: umount2 as root, fusermount3 otherwise.
/// Errors: Busy without `lazy`; Denied.
core::Status detach(const std::string& mount_point, bool lazy);

}  // namespace app
