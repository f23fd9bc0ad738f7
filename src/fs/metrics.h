#pragma once
#include "core/metrics.h"

namespace fs {

/// What this room counts (docs/metrics.md).
struct Counters {
  explicit Counters(core::Metrics& metrics)
      : publishes(metrics["fs.publishes"]),
        publish_failures(metrics["fs.publish_failures"]),
        conflicts(metrics["fs.conflicts"]),
        overwrites_found(metrics["fs.overwrites_found"]),
        replaced_elsewhere(metrics["fs.replaced_elsewhere"]),
        escaped_names(metrics["fs.escaped_names"]),
        looked_ahead(metrics["fs.looked_ahead"]),
        walks(metrics["fs.walks"]),
        pages_around_names(metrics["fs.pages_around_names"]),
        deleted_behind(metrics["fs.deleted_behind"]),
        deletion_batches(metrics["fs.deletion_batches"]),
        deletion_failures(metrics["fs.deletion_failures"]),
        server_copies(metrics["fs.server_copies"]) {}

  core::Metric& publishes;           ///< files whose content went to the bucket
  core::Metric& publish_failures;    ///< attempts that failed; the data stays and is tried again
  core::Metric& conflicts;           ///< files kept under a conflict name
  core::Metric& overwrites_found;    ///< somebody else's versions that ours turned out to lie over
  core::Metric& replaced_elsewhere;  ///< files found replaced by somebody else while known here
  core::Metric& escaped_names;       ///< entries listed under an escaped name
  core::Metric& looked_ahead;        ///< objects asked about before anybody looked at them
  core::Metric& walks;               ///< trees listed without a delimiter for who goes through them
  core::Metric& pages_around_names;  ///< of a directory's listing, for looks at unknown names
  core::Metric& deleted_behind;      ///< objects deleted after their names were taken away
  core::Metric& deletion_batches;    ///< requests for that
  core::Metric& deletion_failures;   ///< names that came back because their objects stayed
  core::Metric& server_copies;       ///< files that copy_file_range had the service copy
};

}  // namespace fs
