#pragma once
#include "core/metrics.h"

namespace transfer {

/// What this room counts (docs/metrics.md).
struct Counters {
  explicit Counters(core::Metrics& metrics)
      : bytes_downloaded(metrics["transfer.bytes_downloaded"]),
        bytes_prefetched(metrics["transfer.bytes_prefetched"]),
        range_requests(metrics["transfer.range_requests"]),
        hedges(metrics["transfer.hedges"]),
        hedges_won(metrics["transfer.hedges_won"]),
        reads_from_memory(metrics["transfer.reads_from_memory"]),
        reads_waited(metrics["transfer.reads_waited"]),
        prefetches_cancelled(metrics["transfer.prefetches_cancelled"]),
        objects_verified(metrics["transfer.objects_verified"]),
        objects_damaged(metrics["transfer.objects_damaged"]),
        bytes_uploaded(metrics["transfer.bytes_uploaded"]),
        parts_uploaded(metrics["transfer.parts_uploaded"]),
        parts_ahead(metrics["transfer.parts_ahead"]),
        parts_copied(metrics["transfer.parts_copied"]),
        uploads_completed(metrics["transfer.uploads_completed"]),
        uploads_failed(metrics["transfer.uploads_failed"]),
        writers_waited(metrics["transfer.writers_waited"]),
        requests_ahead(metrics["transfer.requests_ahead"]),
        ahead_rate(metrics["transfer.ahead_rate"]),
        ahead_rate_falls(metrics["transfer.ahead_rate_falls"]),
        ahead_bytes_rate(metrics["transfer.ahead_bytes_rate"]) {}

  core::Metric& bytes_downloaded;      ///< bodies of range requests
  core::Metric& bytes_prefetched;      ///< of these, by requests that ran ahead of the reader
  core::Metric& range_requests;        ///< into the block cache
  core::Metric& hedges;                ///< sent beside these, for ranges that came late
  core::Metric& hedges_won;            ///< of these, the ones whose bytes were taken
  core::Metric& reads_from_memory;     ///< reads whose bytes were all here
  core::Metric& reads_waited;          ///< reads that had to wait for the bucket
  core::Metric& prefetches_cancelled;  ///< given up because the reader closed or went elsewhere
  core::Metric& objects_verified;      ///< read whole, and their CRC-64 was right
  core::Metric& objects_damaged;       ///< read, and it was not
  core::Metric& bytes_uploaded;        ///< content sent; again where it was changed after that
  core::Metric& parts_uploaded;
  core::Metric& parts_ahead;   ///< of these, while a program wrote
  core::Metric& parts_copied;  ///< on the server
  core::Metric& uploads_completed;
  core::Metric& uploads_failed;
  core::Metric& writers_waited;    ///< for the network
  core::Metric& requests_ahead;    ///< for attributes, ahead of who looks at a directory
  core::Metric& ahead_rate;        ///< of these, allowed a second now
  core::Metric& ahead_rate_falls;  ///< how often the service made it fall
  core::Metric& ahead_bytes_rate;  ///< bytes that may be read ahead a second now
};

}  // namespace transfer
