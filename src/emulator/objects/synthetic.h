#pragma once
// Objects that nobody uploaded, for tests that need many or large ones at once.
#include <cstdint>

#include "emulator/objects/objects.h"

namespace emulator {

/// A Normal object of `size` bytes of the pattern, with sums that fit.
VersionPtr synthetic_version(std::uint64_t size, core::WallTime modified);

}  // namespace emulator
