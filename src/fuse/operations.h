#pragma once

struct fuse_lowlevel_ops;

namespace fuse {

/// The callbacks that libfuse gets; their userdata is a Dispatcher. Each ends exceptions at its
/// door: they are logged, and the caller gets EIO.
const fuse_lowlevel_ops& operations();

}  // namespace fuse
