#include "fuse/receive_buffer.h"

#include <linux/fuse.h>
#include <sys/mman.h>

#include <cerrno>

#include "core/os_error.h"

namespace fuse {

namespace {

// What comes before the payload of a WRITE.
constexpr std::size_t kHeadBytes = sizeof(fuse_in_header) + sizeof(fuse_write_in);
static_assert(kHeadBytes < core::BlockPool::kBefore);
static_assert(kMaxWriteBytes == core::BlockPool::kBytes);

}  // namespace

core::Result<std::unique_ptr<ReceiveBuffer>> ReceiveBuffer::create(core::BlockPool* pool) {
  if (pool != nullptr) {
    return std::unique_ptr<ReceiveBuffer>(new ReceiveBuffer(pool, pool->lend()));
  }
  void* memory = ::mmap(nullptr, kReceiveBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) {  // NOLINT(performance-no-int-to-ptr)
    return core::os_error(errno, "map a receive buffer");
  }
  // A child would share the pages copy-on-write, and with that bring the page faults back.
  ::madvise(memory, kReceiveBytes, MADV_DONTFORK);
  return std::unique_ptr<ReceiveBuffer>(
      new ReceiveBuffer(nullptr, static_cast<std::byte*>(memory)));
}

ReceiveBuffer::~ReceiveBuffer() {
  if (pool_ != nullptr) {
    pool_->take_back(data_);
  } else {
    ::munmap(data_, kReceiveBytes);
  }
}

std::span<std::byte> ReceiveBuffer::room() const {
  // The kernel asks for room for a head and the longest payload.
  return pool_ != nullptr ? std::span(data_ - kHeadBytes, kHeadBytes + kMaxWriteBytes)
                          : std::span(data_, kReceiveBytes);
}

core::BlockOffer ReceiveBuffer::offer(std::size_t size) const {
  return pool_ != nullptr && size == kHeadBytes + kMaxWriteBytes
             ? core::BlockOffer{pool_, data_, nullptr}
             : core::BlockOffer{};
}

void ReceiveBuffer::settle(const core::BlockOffer& offer) {
  if (offer.instead != nullptr) {
    data_ = offer.instead;
  }
}

}  // namespace fuse
