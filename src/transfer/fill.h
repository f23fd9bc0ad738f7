#pragma once
#include "core/metrics.h"
#include "core/op_context.h"
#include "core/result.h"
#include "core/thread_pool.h"
#include "store/object_store.h"
#include "transfer/layered_file.h"

namespace transfer {

/// What fetching takes.
struct FillParts {
  store::ObjectStore& store;
  core::ThreadPool& pool;
  core::Metric& downloaded;
  std::size_t connections = 1;
};

/// Brings what is missing of `range` from the base into the content, in pieces side by side.
/// Blocks. Errors: those of ObjectStore::read, but Changed where the base is gone; NoSpace, Io.
core::Status fill(const FillParts& parts, const core::OpContext& context,
                  const model::ObjectVersion& base, LayeredFile& content, model::ByteRange range);

}  // namespace transfer
