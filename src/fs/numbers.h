#pragma once
#include <string_view>

#include "fs/types.h"
#include "model/object_key.h"

namespace fs {

/// The inode number of one version of an object, or of a directory (its key ends in '/', the ETag
/// is empty): the same in every life of every mount, so that backup programs and open_by_handle_at
/// know a file again. `attempt` counts those before it that were taken.
///
/// Shape: above kRoot, below 2^53, which every language's numbers hold and which leaves overlayfs
/// the bits that it wants (kernel documentation, "xino").
InodeNumber number_of(std::string_view key, const model::ETag& etag, unsigned attempt = 0);

}  // namespace fs
