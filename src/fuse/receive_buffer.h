#pragma once
#include <cstddef>
#include <memory>

#include "core/result.h"

namespace fuse {

/// Largest payload of one WRITE, and what INIT negotiates.
inline constexpr std::size_t kMaxWriteBytes = std::size_t{1} << 20U;
/// What a read of /dev/fuse must offer: the payload and a page for headers, as libfuse reckons it.
inline constexpr std::size_t kReceiveBytes = kMaxWriteBytes + 4096;

/// Memory that messages of the kernel arrive in: kReceiveBytes whose pages are all present. A page
/// fault while the kernel copies a request in, in a process that is being killed, would cost the
/// calling program an EIO.
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

}  // namespace fuse
