#pragma once
#include <cstddef>
#include <vector>

#include "core/mutex.h"

namespace cache {

/// As Arena, of blocks with some memory in front of each: bytes can be received with their head
/// there, and be whole pages themselves.
/// Threads: any.
class FramedArena {
 public:
  /// Both in whole pages.
  FramedArena(std::size_t block_bytes, std::size_t before_bytes)
      : block_bytes_(block_bytes), stride_(block_bytes + before_bytes) {}
  FramedArena(const FramedArena&) = delete;
  FramedArena& operator=(const FramedArena&) = delete;
  ~FramedArena();

  /// At a page boundary, all of its pages present; the content is whatever was there.
  [[nodiscard]] std::byte* take();
  void give_back(std::byte* block);
  /// Blocks that take() has without fresh memory.
  [[nodiscard]] std::size_t free_blocks() const;
  /// Gives back to the system what was free all the time since the last call, but for a reserve.
  void give_back_idle();

 private:
  void grow() REQUIRES(mutex_);

  const std::size_t block_bytes_;
  const std::size_t stride_;
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  std::vector<std::byte*> free_ GUARDED_BY(mutex_);    ///< those used last at the end
  std::size_t idle_ GUARDED_BY(mutex_) = 0;            ///< so many at its begin were not needed
  std::vector<std::byte*> absent_ GUARDED_BY(mutex_);  ///< free, and without memory
  std::vector<std::byte*> slabs_ GUARDED_BY(mutex_);
};

}  // namespace cache
