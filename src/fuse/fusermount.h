#pragma once
// The set-id helper of libfuse's package, through which users without rights mount.
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"

namespace fuse {

/// Mounts on `mount_point`; `options` as after -o.
/// Errors: NotFound if the helper is not installed; Denied with its own words if it refuses.
core::Result<core::UniqueFd> mount_by_helper(const std::string& mount_point,
                                             const std::string& options);
/// Errors: Busy or Denied with the helper's words.
core::Status unmount_by_helper(const std::string& mount_point, bool detach);

}  // namespace fuse
