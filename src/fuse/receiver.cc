#include "fuse/receiver.h"

#include <linux/fuse.h>
#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "core/os_error.h"

namespace fuse {
namespace {

/// Idle buffers kept for the next writes; a burst beyond gives its memory back.
constexpr std::size_t kSpareBuffers = 16;

}  // namespace

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

core::Result<std::shared_ptr<ReceiveBuffer>> BufferPool::take() {
  std::unique_ptr<ReceiveBuffer> buffer;
  {
    const core::MutexLock lock(mutex_);
    if (!free_.empty()) {
      buffer = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!buffer) {
    TRY_ASSIGN(buffer, ReceiveBuffer::create());
  }
  return std::shared_ptr<ReceiveBuffer>(buffer.release(), [this](ReceiveBuffer* idle) {
    give_back(std::unique_ptr<ReceiveBuffer>(idle));
  });
}

void BufferPool::give_back(std::unique_ptr<ReceiveBuffer> buffer) {
  const core::MutexLock lock(mutex_);
  if (free_.size() < kSpareBuffers) {
    free_.push_back(std::move(buffer));
  }
}

Receiver::~Receiver() {
  if (of_this_thread() == this) {
    of_this_thread() = nullptr;
  }
}

core::Result<std::byte*> Receiver::next() {
  of_this_thread() = this;
  if (!buffer_ || kept_) {
    TRY_ASSIGN(buffer_, pool_.take());
    kept_ = false;
  }
  return buffer_->data();
}

const fuse_in_header* Receiver::message() {
  const Receiver* const receiver = of_this_thread();
  return receiver == nullptr ? nullptr
                             : reinterpret_cast<const fuse_in_header*>(receiver->buffer_->data());
}

std::shared_ptr<const void> Receiver::keep() {
  Receiver* const receiver = of_this_thread();
  if (receiver == nullptr) {
    return nullptr;
  }
  receiver->kept_ = true;
  return receiver->buffer_;
}

Receiver*& Receiver::of_this_thread() {
  thread_local Receiver* receiver = nullptr;
  return receiver;
}

}  // namespace fuse
