#pragma once
// Bytes from the bucket: prefetching readers over a block cache in memory.
#include <functional>
#include <memory>
#include <vector>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "core/op_context.h"
#include "core/result.h"
#include "store/object_store.h"
#include "transfer/download_options.h"

namespace transfer {

/// One open file's way to its bytes: remembers the pattern of its reads and runs ahead of them.
/// Bound to one version: a replaced object is Changed, never a mixture.
/// Threads: any, several reads at once.
class Reader {
 public:
  virtual ~Reader() = default;

  /// Shape:   slices that together are shorter than `size` only at the end of the object.
  using Done = std::function<void(core::Result<std::vector<core::Bytes>>)>;
  /// Calls `done` exactly once: at once if the bytes are here, else from the thread that receives
  /// the last byte needed. `done` must not block for long.
  /// Errors:  Changed, NotFound, and those of ObjectStore::read; Timeout at context.deadline.
  virtual void read(const core::OpContext& context, std::uint64_t offset, std::size_t size,
                    Done done) = 0;
};

/// The reading side of one mount.
class Downloads {
 public:
  static std::unique_ptr<Downloads> create(store::ObjectStore& store, core::Clock& clock,
                                           core::Metrics& metrics, DownloadOptions options);
  virtual ~Downloads() = default;

  virtual std::unique_ptr<Reader> open(model::ObjectVersion version) = 0;

  using Told = std::function<void(core::Result<store::ObjectMeta>)>;
  /// Brings the first bytes of a version, at most `bytes`, before somebody opens it, and with them
  /// what the service says of the object now: one request in place of a look and a read.
  /// `told` is called once, by a thread of the network or at once, as soon as the answer's head is
  /// here, and must not block. Errors: Changed, NotFound, or any that says no more than that the
  /// object has to be looked at. Shape: false: nothing was asked, since some of it is here or on
  /// its way, or there is no room.
  virtual bool bring(const core::OpContext& context, const model::ObjectVersion& version,
                     std::uint64_t bytes, Told told) = 0;

  /// Fetches the whole version into `fd` at its own offsets, over several connections, through no
  /// cache. Blocks.
  virtual core::Status fetch(const core::OpContext& context, const model::ObjectVersion& version,
                             int fd) = 0;

  /// Bytes of that object that are held in memory are worthless from now on.
  virtual void forget(const model::ObjectKey& key) = 0;

  [[nodiscard]] virtual std::uint64_t cached_bytes() const = 0;
  /// Gives back to the system the memory for blocks that nobody needed since the last call.
  virtual void give_back_idle() = 0;
};

}  // namespace transfer
