#pragma once
#include <cstdint>

#include "core/result.h"
#include "store/object_store.h"

namespace transfer {

/// The CRC-64 of a range, by reading it where the source does not know it. Errors: Io: the source
/// is shorter than it said.
core::Result<std::uint64_t> source_sum(const store::Source& source, model::ByteRange range);

}  // namespace transfer
