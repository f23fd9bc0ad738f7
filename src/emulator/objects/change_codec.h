#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "emulator/objects/change.h"

namespace emulator {

/// A change as bytes: numbers of 8 bytes (little endian) and texts with their length in front.
std::string encode_change(const Change& change);
/// Nothing if the bytes are not a change, or name a file that `blobs` does not have.
std::optional<Change> decode_change(std::string_view bytes, const BlobStore& blobs);

}  // namespace emulator
