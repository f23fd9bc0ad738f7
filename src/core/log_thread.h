#pragma once
#include "core/metrics.h"

namespace core {

/// While it lives, a thread of its own writes the lines of core::log, and nobody else waits for
/// whoever takes them. What waits to be written is bounded: beyond that, lines are dropped, counted
/// in `log.dropped`, and told of in one line when there is room again. Errors have room kept for
/// them.
/// Threads: one at a time, made after the last fork. The destructor gives the lines that wait a
///          second; what nobody has taken by then may be lost.
class LogThread {
 public:
  explicit LogThread(Metrics& metrics);
  LogThread(const LogThread&) = delete;
  LogThread& operator=(const LogThread&) = delete;
  ~LogThread();
};

}  // namespace core
