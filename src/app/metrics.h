#pragma once
#include "core/metrics.h"

namespace app {

/// What this room counts (docs/metrics.md): how much of the memory limit is in use. Set whenever
/// somebody asks for the status.
struct MemoryGauges {
  explicit MemoryGauges(core::Metrics& metrics)
      : limit(metrics["memory.limit_bytes"]),
        resident(metrics["memory.resident_bytes"]),
        blocks(metrics["memory.blocks_bytes"]),
        names(metrics["memory.names_bytes"]),
        nodes(metrics["memory.nodes_bytes"]),
        objects(metrics["memory.objects_bytes"]),
        pages(metrics["memory.pages_bytes"]) {}

  core::Metric& limit;
  core::Metric& resident;  ///< of the whole process, as the system counts it
  core::Metric& blocks;
  core::Metric& names;
  core::Metric& nodes;
  core::Metric& objects;
  core::Metric& pages;
};

}  // namespace app
