#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/mutex.h"

namespace cache {

/// Buffers of one size, recycled: the first touch of fresh memory costs more than receiving into
/// it, so memory that was taken once is kept, until nobody has needed it for a while.
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

  /// Gives back to the system what was free all the time since the last call, but for a reserve.
  void give_back_idle();

  /// take() needs no fresh memory.
  [[nodiscard]] bool has_free() const;
  /// Bytes in buffers that are out.
  [[nodiscard]] std::uint64_t live_bytes() const;
  /// Bytes obtained from the system, free buffers included.
  [[nodiscard]] std::uint64_t resident_bytes() const;

 private:
  /// Makes a free buffer.
  void more() REQUIRES(mutex_);
  void grow() REQUIRES(mutex_);

  const std::size_t buffer_bytes_;
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  std::vector<std::byte*> free_ GUARDED_BY(mutex_);  ///< those used last at the end
  std::size_t idle_ GUARDED_BY(mutex_) = 0;  ///< so many at its begin were not needed of late
  std::vector<std::byte*> absent_ GUARDED_BY(mutex_);  ///< free, and the system has their memory
  std::vector<void*> slabs_ GUARDED_BY(mutex_);
  std::uint64_t live_ GUARDED_BY(mutex_) = 0;
};

}  // namespace cache
