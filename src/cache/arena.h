#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/mutex.h"

namespace cache {

/// Buffers of one size, recycled: the first touch of fresh memory costs more than receiving into
/// it, so memory that was taken once is kept for the life of the arena.
/// Threads: any.
class Arena {
 public:
  /// `buffer_bytes` divides 2 MiB.
  explicit Arena(std::size_t buffer_bytes) : buffer_bytes_(buffer_bytes) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  /// Aligned to its size; the content is whatever was there.
  [[nodiscard]] std::byte* take();
  void give_back(std::byte* buffer);

  /// take() needs no fresh memory.
  [[nodiscard]] bool has_free() const;
  /// Bytes in buffers that are out.
  [[nodiscard]] std::uint64_t live_bytes() const;
  /// Bytes obtained from the system, free buffers included.
  [[nodiscard]] std::uint64_t resident_bytes() const;

 private:
  void grow() REQUIRES(mutex_);

  const std::size_t buffer_bytes_;
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  std::vector<std::byte*> free_ GUARDED_BY(mutex_);
  std::vector<void*> slabs_ GUARDED_BY(mutex_);
  std::uint64_t live_ GUARDED_BY(mutex_) = 0;
};

}  // namespace cache
