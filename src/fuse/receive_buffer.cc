#include "fuse/receive_buffer.h"

#include <sys/mman.h>

#include <cerrno>

#include "core/os_error.h"

namespace fuse {

core::Result<std::unique_ptr<ReceiveBuffer>> ReceiveBuffer::create() {
  void* memory = ::mmap(nullptr, kReceiveBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) {  // NOLINT(performance-no-int-to-ptr)
    return core::os_error(errno, "map a receive buffer");
  }
  // A child would share the pages copy-on-write, and with that bring the page faults back.
  ::madvise(memory, kReceiveBytes, MADV_DONTFORK);
  return std::unique_ptr<ReceiveBuffer>(new ReceiveBuffer(static_cast<std::byte*>(memory)));
}

ReceiveBuffer::~ReceiveBuffer() { ::munmap(data_, kReceiveBytes); }

}  // namespace fuse
