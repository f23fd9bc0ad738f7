#pragma once
// fs's values as the kernel's, and back.
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "core/time.h"
#include "fs/types.h"

struct fuse_entry_param;

namespace fuse {

struct stat to_stat(const fs::Attributes& attributes);
fuse_entry_param to_entry(const fs::Attributes& attributes, core::Duration lifetime);
struct statvfs to_statvfs(const fs::SpaceInfo& space);
double to_seconds(core::Duration duration);
core::WallTime to_wall_time(const timespec& time);
/// `to_set` as libfuse's FUSE_SET_ATTR_*; `now` for what utimensat calls UTIME_NOW.
fs::AttributeChange to_change(const struct stat& attributes, int to_set, core::WallTime now);

}  // namespace fuse
