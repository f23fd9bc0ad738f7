#pragma once
// Memory that the kernel's requests arrive in.
#include <cstddef>
#include <memory>
#include <vector>

#include "core/mutex.h"
#include "core/result.h"

struct fuse_in_header;

namespace fuse {

/// Largest payload of one WRITE, and what INIT negotiates.
inline constexpr std::size_t kMaxWriteBytes = std::size_t{1} << 20U;
/// What a read of /dev/fuse must offer: the payload and a page for headers, as libfuse reckons it.
inline constexpr std::size_t kReceiveBytes = kMaxWriteBytes + 4096;

/// One mapping of kReceiveBytes whose pages are all present. A page fault while the kernel copies a
/// request in, in a process that is being killed, would cost the calling program an EIO.
class ReceiveBuffer {
 public:
  static core::Result<std::unique_ptr<ReceiveBuffer>> create();
  ReceiveBuffer(const ReceiveBuffer&) = delete;
  ReceiveBuffer& operator=(const ReceiveBuffer&) = delete;
  ~ReceiveBuffer();
  [[nodiscard]] std::byte* data() const { return data_; }

 private:
  explicit ReceiveBuffer(std::byte* data) : data_(data) {}
  std::byte* data_;
};

/// Buffers to swap in while a kept one is being written to its file. Threads: any.
class BufferPool {
 public:
  /// Goes back to the pool when the last reference ends; the pool outlives it.
  core::Result<std::shared_ptr<ReceiveBuffer>> take();

 private:
  void give_back(std::unique_ptr<ReceiveBuffer> buffer);

  core::Mutex mutex_{core::LockRank::Leaf};
  std::vector<std::unique_ptr<ReceiveBuffer>> free_ GUARDED_BY(mutex_);
};

/// What one receive thread reads into. A handler on that thread may keep the bytes of its request,
/// without a copy; the receiver then goes on with another buffer.
class Receiver {
 public:
  explicit Receiver(BufferPool& pool) : pool_(pool) {}
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver();

  /// kReceiveBytes that nobody else looks at, until the next call. Only one receiver of a thread is
  /// in use at a time.
  core::Result<std::byte*> next();
  /// The request that the calling thread is handling; nothing if the thread does not receive.
  static const fuse_in_header* message();
  /// Keeps the buffer of that request.
  static std::shared_ptr<const void> keep();

 private:
  static Receiver*& of_this_thread();

  BufferPool& pool_;
  std::shared_ptr<ReceiveBuffer> buffer_;
  bool kept_ = false;
};

}  // namespace fuse
