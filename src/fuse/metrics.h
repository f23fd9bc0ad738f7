#pragma once
#include "core/metrics.h"

namespace fuse {

/// What this room counts (docs/metrics.md).
struct Counters {
  explicit Counters(core::Metrics& metrics)
      : requests(metrics["fuse.requests"]),
        failures(metrics["fuse.failures"]),
        interrupts(metrics["fuse.interrupts"]),
        forgotten_replies(metrics["fuse.forgotten_replies"]) {}

  core::Metric& requests;           ///< of the kernel, without forgets
  core::Metric& failures;           ///< answered with an error that is_trouble()
  core::Metric& interrupts;         ///< callers that were interrupted while they waited
  core::Metric& forgotten_replies;  ///< answered with EIO because nobody had: bugs
};

}  // namespace fuse
