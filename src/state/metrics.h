#pragma once
#include "core/metrics.h"

namespace state {

/// What this room counts (docs/metrics.md).
struct Counters {
  explicit Counters(core::Metrics& metrics)
      : objects(metrics["state.objects"]),
        written(metrics["state.changes_written"]),
        recalled(metrics["state.objects_recalled"]),
        dropped(metrics["state.changes_dropped"]),
        evicted(metrics["state.objects_evicted"]),
        damaged(metrics["state.objects_damaged"]),
        begun_anew(metrics["state.memory_begun_anew"]) {}

  core::Metric& objects;     ///< in the file now
  core::Metric& written;     ///< objects remembered and forgotten
  core::Metric& recalled;    ///< handed out
  core::Metric& dropped;     ///< not written: the queue was full, or the disk
  core::Metric& evicted;     ///< gone to keep the bound
  core::Metric& damaged;     ///< rows whose sum was wrong
  core::Metric& begun_anew;  ///< files given up: damaged, of another bucket, not to be written
};

}  // namespace state
