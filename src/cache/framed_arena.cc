#include "cache/framed_arena.h"

#include <sys/mman.h>

#include <algorithm>

#include "cache/populate.h"
#include "core/check.h"

namespace cache {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20U;
constexpr std::size_t kBlocksOfSlab = 32;
// Kept free, so that a writer who begins after a pause need not wait for memory.
constexpr std::size_t kReserve = 8;

constexpr std::size_t whole_huge_pages(std::size_t bytes) {
  return (bytes + kHugePage - 1) / kHugePage * kHugePage;
}

}  // namespace

FramedArena::~FramedArena() {
  for (std::byte* const slab : slabs_) {
    ::munmap(slab, whole_huge_pages(kBlocksOfSlab * stride_));
  }
}

std::byte* FramedArena::take() {
  bool fresh = false;
  std::byte* block = nullptr;
  {
    const core::MutexLock lock(mutex_);
    fresh = free_.empty();
    if (fresh && absent_.empty()) {
      grow();
    }
    std::vector<std::byte*>& from = fresh ? absent_ : free_;
    block = from.back();
    from.pop_back();
    idle_ = std::min(idle_, free_.size());
  }
  if (fresh) {
    populate(block - (stride_ - block_bytes_), stride_);
  }
  return block;
}

void FramedArena::give_back(std::byte* block) {
  const core::MutexLock lock(mutex_);
  free_.push_back(block);
}

std::size_t FramedArena::free_blocks() const {
  const core::MutexLock lock(mutex_);
  return free_.size();
}

void FramedArena::give_back_idle() {
  const core::MutexLock lock(mutex_);
  const std::size_t count = std::min(idle_, free_.size() - std::min(free_.size(), kReserve));
  const auto end = free_.begin() + static_cast<std::ptrdiff_t>(count);
  std::for_each(free_.begin(), end,
                [this](std::byte* block) { ::madvise(block, block_bytes_, MADV_DONTNEED); });
  absent_.insert(absent_.end(), free_.begin(), end);
  free_.erase(free_.begin(), end);
  idle_ = free_.size();
}

void FramedArena::grow() {
  // Room for the alignment as well: only an aligned slab has huge pages from its begin on. What is
  // never touched takes nothing.
  const std::size_t bytes = whole_huge_pages(kBlocksOfSlab * stride_);
  void* const raw = ::mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CORE_CHECK(raw != MAP_FAILED);
  auto* const start = static_cast<std::byte*>(raw);
  const auto misfit = reinterpret_cast<std::uintptr_t>(start) % kHugePage;
  const std::size_t before = misfit == 0 ? 0 : kHugePage - misfit;
  if (before > 0) {
    ::munmap(start, before);
  }
  std::byte* const slab = start + before;
  if (before < kHugePage) {
    ::munmap(slab + bytes, kHugePage - before);
  }
  // A wish; and a child that shared the pages copy-on-write would bring the page faults back.
  ::madvise(slab, bytes, MADV_HUGEPAGE);
  ::madvise(slab, bytes, MADV_DONTFORK);
  slabs_.push_back(slab);
  for (std::size_t i = kBlocksOfSlab; i > 0; --i) {
    absent_.push_back(slab + i * stride_ - block_bytes_);
  }
}

}  // namespace cache
