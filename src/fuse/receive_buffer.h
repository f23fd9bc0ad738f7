#pragma once
#include <cstddef>
#include <memory>
#include <span>

#include "core/blocks.h"
#include "core/result.h"

namespace fuse {

/// Largest payload of one WRITE, and what INIT negotiates.
inline constexpr std::size_t kMaxWriteBytes = std::size_t{1} << 20U;
/// What a read of /dev/fuse must offer: the payload and a page for headers, as libfuse reckons it.
inline constexpr std::size_t kReceiveBytes = kMaxWriteBytes + 4096;

/// Memory that messages of the kernel arrive in, whose pages are all present. A page fault while
/// the kernel copies a request in, in a process that is being killed, would cost the calling
/// program an EIO.
///
/// With a pool it is a block of that, which the payload of a WRITE fills from its begin on; whoever
/// keeps what was written keeps the block, and gives another one for it.
class ReceiveBuffer {
 public:
  /// `pool` may be null.
  static core::Result<std::unique_ptr<ReceiveBuffer>> create(core::BlockPool* pool);
  ReceiveBuffer(const ReceiveBuffer&) = delete;
  ReceiveBuffer& operator=(const ReceiveBuffer&) = delete;
  ~ReceiveBuffer();
  [[nodiscard]] std::span<std::byte> room() const;
  /// What is to be told of a message that fills `size` bytes of room().
  [[nodiscard]] core::BlockOffer offer(std::size_t size) const;
  /// Takes what was given for the block, if anything was.
  void settle(const core::BlockOffer& offer);

 private:
  ReceiveBuffer(core::BlockPool* pool, std::byte* data) : pool_(pool), data_(data) {}
  core::BlockPool* const pool_;
  std::byte* data_;  ///< with a pool: the block
};

}  // namespace fuse
