#pragma once
#include "core/metrics.h"

namespace fuse {

/// What this room counts (docs/metrics.md).
struct Counters {
  explicit Counters(core::Metrics& metrics)
      : requests(metrics["fuse.requests"]),
        failures(metrics["fuse.failures"]),
        interrupts(metrics["fuse.interrupts"]),
        signals_outlived(metrics["fuse.signals_outlived"]),
        forgotten_replies(metrics["fuse.forgotten_replies"]) {}

  core::Metric& requests;           ///< of the kernel, without forgets
  core::Metric& failures;           ///< answered with an error that is_trouble()
  core::Metric& interrupts;         ///< requests given up because their caller was dying
  core::Metric& signals_outlived;   ///< waiting callers that a signal reached and did not end
  core::Metric& forgotten_replies;  ///< answered with EIO because nobody had: bugs
};

}  // namespace fuse
