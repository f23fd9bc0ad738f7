#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/places.h"
#include "core/format.h"
#include "core/time.h"
#include "ops/control.h"

namespace app {
namespace {

const MountRow* row_at(const std::vector<MountRow>& rows, const std::string& mount_point) {
  const auto found = std::find_if(rows.rbegin(), rows.rend(), [&](const MountRow& row) {
    return row.mount_point == mount_point;
  });
  return found == rows.rend() ? nullptr : &*found;
}

/// One line that writes over itself on a terminal; nothing elsewhere.
void show_progress(const ops::Progress& progress) {
  if (::isatty(STDERR_FILENO) == 1) {
    std::fputs(("\r\x1b[K" + ops::describe(progress)).c_str(), stderr);
  }
}

void end_progress() {
  if (::isatty(STDERR_FILENO) == 1) {
    std::fputs("\r\x1b[K", stderr);
  }
}

}  // namespace

int run_umount(const options::Values& values, const options::Environment& environment) {
  if (values.text("mountpoint").empty()) {
    return refuse(Exit::Usage, "which mount point? stsfs umount MOUNTPOINT");
  }
  const auto mount_point = resolve_mount_point(values.text("mountpoint"));
  if (!mount_point) {
    return refuse(Exit::MountPoint, mount_point.error());
  }
  const auto mountinfo = read_mountinfo();
  if (!mountinfo) {
    return refuse(Exit::Failure, mountinfo.error());
  }
  const auto rows = our_mounts(*mountinfo);
  const MountRow* row = row_at(rows, *mount_point);
  const bool lazy = values.flag("lazy");
  // A mount that somebody else detached may still have a daemon that uploads: it is asked first.
  for (const std::string& path :
       control_sockets(*mount_point, row == nullptr ? ::getuid() : row->owner,
                       values.text("runtime-dir"), environment)) {
    const auto ended =
        ops::ControlClient(path).unmount(values.duration("timeout"), lazy, show_progress);
    end_progress();
    if (ended) {
      return static_cast<int>(Exit::Ok);
    }
    switch (ended.error().kind) {
      case core::ErrorKind::NotFound:
        continue;  // nobody there; perhaps at the next one
      case core::ErrorKind::Busy:
        return refuse(Exit::Busy, ended.error().message,
                      "`fuser -vm MOUNTPOINT` shows who uses it; --lazy detaches it all the same");
      case core::ErrorKind::Denied:
        return refuse(Exit::Permission, ended.error().message,
                      "only the mounting user and root may");
      default:
        return refuse(Exit::NotDrained, ended.error().message,
                      "the mount stays, and what is not uploaded stays in it; `stsfs status` says "
                      "why it does not upload");
    }
  }
  if (row == nullptr) {
    return refuse(Exit::MountPoint,
                  core::format("nothing of stsfs is mounted at {}", *mount_point));
  }
  // The daemon is gone: there is nothing to upload and nobody to ask.
  auto detached = detach(*mount_point, true);
  return detached ? static_cast<int>(Exit::Ok) : refuse(Exit::Failure, detached.error());
}

}  // namespace app
