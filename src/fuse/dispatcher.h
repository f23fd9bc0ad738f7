#pragma once
#include <cstdint>
#include <memory>
#include <utility>

#include "core/clock.h"
#include "core/metrics.h"
#include "fs/file_system.h"
#include "fuse/crew.h"
#include "fuse/forgets.h"
#include "fuse/in_flight.h"
#include "fuse/metrics.h"
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
  bool kernel_writes_back = false;
};

/// Takes requests from the crew to the file system.
/// Threads: any.
class Dispatcher {
 public:
  Dispatcher(fs::FileSystem& fs, core::Clock& clock, core::Metrics& metrics, Patience patience,
             Crew& crew);

  /// The duty to answer `request`, the one that this thread has just received. Nothing if memory is
  /// short; it is answered then.
  std::shared_ptr<Call> begin(fuse_req* request, const Operation& operation,
                              fs::InodeNumber inode) noexcept;
  /// Does work that may wait: here, or later on another thread. It owns what it needs.
  template <class Work>
  void run(Work work) {
    if (crew_.may_wait()) {
      work();
    } else {
      crew_.post(std::move(work));
    }
  }

  /// Whether the kernel keeps what is written for a while. Told before the first request.
  void let_kernel_write_back() { kernel_writes_back_ = true; }
  [[nodiscard]] bool kernel_writes_back() const { return kernel_writes_back_; }

  [[nodiscard]] fs::FileSystem& file_system() { return fs_; }
  [[nodiscard]] core::Clock& clock() { return clock_; }
  [[nodiscard]] InFlight& in_flight() { return in_flight_; }
  [[nodiscard]] Crew& crew() { return crew_; }
  [[nodiscard]] Forgets& forgets() { return forgets_; }

 private:
  fs::FileSystem& fs_;
  core::Clock& clock_;
  Crew& crew_;
  const Patience patience_;
  bool kernel_writes_back_ = false;
  Counters counters_;
  InFlight in_flight_;
  Forgets forgets_;
};

}  // namespace fuse
