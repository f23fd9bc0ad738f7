#pragma once
#include <sys/mman.h>

#include <cstddef>

namespace cache {

/// Has the system give fresh memory its pages in one go rather than at the first touch of each,
/// where it can. Threads: any.
inline void populate([[maybe_unused]] std::byte* memory, [[maybe_unused]] std::size_t bytes) {
#ifdef MADV_POPULATE_WRITE
  ::madvise(memory, bytes, MADV_POPULATE_WRITE);
#endif
}

}  // namespace cache
