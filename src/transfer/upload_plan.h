#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "core/result.h"
#include "model/object_key.h"
#include "store/object_store.h"

namespace transfer {

/// The parts of an object of `size` > 0 bytes, ascending, all of one size but the last. At least
/// `wanted_part_bytes` each, more where the limit on their number asks for it.
/// Errors: TooLarge for what no number of parts can hold.
core::Result<std::vector<model::ByteRange>> plan_parts(std::uint64_t size,
                                                       std::uint64_t wanted_part_bytes,
                                                       const store::Capabilities& capabilities);

/// The sum of the whole from the sums of its parts; nothing if one of them is unknown.
std::optional<std::uint64_t> combined_crc64(const std::vector<store::PartReceipt>& parts);

}  // namespace transfer
