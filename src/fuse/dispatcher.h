#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/thread_pool.h"
#include "fs/file_system.h"
#include "fuse/in_flight.h"
#include "fuse/metrics.h"
#include "fuse/receiver.h"
#include "fuse/reply.h"

struct fuse_req;

namespace fuse {

/// How long a request may take before it fails with ETIMEDOUT.
struct Patience {
  core::Duration names = std::chrono::minutes{2};  ///< lookup, attributes, listing
  core::Duration data = std::chrono::minutes{10};  ///< whatever moves content
};

/// A kind of request, for the log and for its patience.
struct Operation {
  const char* name;
  core::Duration Patience::*patience = &Patience::names;
};

/// One request of the kernel while it is worked on.
struct Call {
  fs::FileSystem& fs;
  fs::Request request;
  Reply reply;
};

/// Takes requests from the receive threads to the file system; what may wait runs on workers.
/// Threads: any.
class Dispatcher {
 public:
  Dispatcher(fs::FileSystem& fs, core::Clock& clock, core::Metrics& metrics, Patience patience,
             std::size_t workers);

  /// The duty to answer `request`, the one that this thread has just received. Nothing if memory is
  /// short; it is answered then.
  std::shared_ptr<Call> begin(fuse_req* request, const Operation& operation,
                              fs::InodeNumber inode) noexcept;
  void post(std::function<void()> work) { workers_.post(std::move(work)); }
  /// The caller of request `id` no longer wants to wait. False if no such request is in flight.
  bool interrupt(std::uint64_t id);

  [[nodiscard]] fs::FileSystem& file_system() { return fs_; }
  [[nodiscard]] core::Clock& clock() { return clock_; }
  [[nodiscard]] InFlight& in_flight() { return in_flight_; }
  [[nodiscard]] BufferPool& buffers() { return buffers_; }

 private:
  fs::FileSystem& fs_;
  core::Clock& clock_;
  const Patience patience_;
  Counters counters_;
  InFlight in_flight_;
  BufferPool buffers_;
  core::ThreadPool workers_;  // last: its threads use the rest
};

}  // namespace fuse
