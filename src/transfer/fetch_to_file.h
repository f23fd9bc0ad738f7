#pragma once
#include "core/metrics.h"
#include "core/op_context.h"
#include "core/result.h"
#include "store/object_store.h"
#include "transfer/fetches.h"

namespace transfer {

/// Brings the whole version into `fd` at its own offsets, in pieces over the connections of
/// `fetches`, and compares the CRC-64 of what was written with the service's. Blocks.
/// Errors: those of ObjectStore::read; NoSpace, Io; Corrupt when the sums differ.
core::Status fetch_to_file(store::ObjectStore& store, Fetches& fetches, core::Metric& downloaded,
                           const core::OpContext& context, const model::ObjectVersion& version,
                           int fd);

}  // namespace transfer
