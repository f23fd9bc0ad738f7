#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

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

/// Takes requests from the receive threads to the file system: what may wait runs on workers, and
/// an interrupt of the kernel becomes a stop of the request it names.
/// Threads: any.
class Dispatcher {
 public:
  Dispatcher(fs::FileSystem& fs, core::Clock& clock, core::Metrics& metrics, Patience patience,
             std::size_t workers);

  /// The duty to answer `request`. Nothing if memory is short; it is answered then.
  std::shared_ptr<Call> begin(fuse_req* request, const Operation& operation,
                              fs::InodeNumber inode) noexcept;
  void post(std::function<void()> work) { workers_.post(std::move(work)); }
  /// To be called by a receive thread after each message: libfuse reports interrupts with its locks
  /// held, where a stop callback that answers the request would wait for itself.
  void deliver_interrupts();

  [[nodiscard]] fs::FileSystem& file_system() { return fs_; }
  [[nodiscard]] core::Clock& clock() { return clock_; }
  [[nodiscard]] InFlight& in_flight() { return in_flight_; }
  [[nodiscard]] BufferPool& buffers() { return buffers_; }

 private:
  static void on_interrupt(fuse_req* request, void* id);

  fs::FileSystem& fs_;
  core::Clock& clock_;
  const Patience patience_;
  Counters counters_;
  std::atomic<std::uint64_t> next_id_{1};
  InFlight in_flight_;
  BufferPool buffers_;
  core::Mutex mutex_{core::LockRank::Session};
  std::vector<std::uint64_t> interrupted_ GUARDED_BY(mutex_);
  std::atomic<bool> any_interrupted_{false};
  core::ThreadPool workers_;  // last: its threads use the rest
};

}  // namespace fuse
