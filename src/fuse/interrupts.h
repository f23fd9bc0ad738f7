#pragma once
#include <cstdint>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/mutex.h"
#include "core/result.h"
#include "fuse/in_flight.h"
#include "fuse/metrics.h"
#include "fuse/requester.h"

namespace fuse {

/// Decides which of the kernel's interrupts end a request: those whose caller is dying.
///
/// The kernel says that a signal has come, not which, and says it once for a request. Callers that
/// live on are therefore looked at again and again until their request is answered
/// (docs/decisions/0014-interrupts-are-for-the-dying.md). Threads: any.
class Interrupts {
 public:
  /// The references outlive it.
  Interrupts(InFlight& in_flight, Requesters& requesters, core::Clock& clock,
             core::Metrics& metrics, core::Duration look_again);
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts() { stop(); }

  /// Starts the thread that looks again.
  /// Errors: NoSpace.
  core::Status start();
  /// Ends it: nobody is looked at a second time from then on. Not for two threads at a time.
  void stop();

  /// A signal has come for the caller of request `id`. False if no such request is in flight.
  bool arrived(std::uint64_t id);

 private:
  void run();
  bool give_up(std::uint64_t id);
  /// Whether the caller still waits, and lives.
  bool waits_on(std::uint64_t id);

  InFlight& in_flight_;
  Requesters& requesters_;
  core::Clock& clock_;
  Counters counters_;
  const core::Duration look_again_;

  core::Mutex mutex_{core::LockRank::Session};
  core::CondVar changed_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  /// Requests whose callers lived when they were last looked at; some are answered by now.
  std::vector<std::uint64_t> living_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace fuse
