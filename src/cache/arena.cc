#include "cache/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <iterator>

#include "cache/populate.h"
#include "core/check.h"

namespace cache {
namespace {

constexpr std::size_t kSlabBytes = 2U << 20U;  // one huge page
// Kept free, so that a reader who begins after a pause need not wait for memory.
constexpr std::size_t kReserveBytes = 8U << 20U;

}  // namespace

Arena::~Arena() {
  for (void* slab : slabs_) {
    ::munmap(slab, kSlabBytes);
  }
}

std::byte* Arena::take() {
  const core::MutexLock lock(mutex_);
  if (free_.empty()) {
    more();
  }
  std::byte* buffer = free_.back();  // the one that was used last: warm in the processor's caches
  free_.pop_back();
  idle_ = std::min(idle_, free_.size());
  ++live_;
  return buffer;
}

void Arena::give_back(std::byte* buffer) {
  const core::MutexLock lock(mutex_);
  free_.push_back(buffer);
  --live_;
}

bool Arena::has_free() const {
  const core::MutexLock lock(mutex_);
  return !free_.empty();
}

std::uint64_t Arena::live_bytes() const {
  const core::MutexLock lock(mutex_);
  return live_ * buffer_bytes_;
}

std::uint64_t Arena::resident_bytes() const {
  const core::MutexLock lock(mutex_);
  return slabs_.size() * kSlabBytes - absent_.size() * buffer_bytes_;
}

void Arena::give_back_idle() {
  const core::MutexLock lock(mutex_);
  const std::size_t reserve = std::min(free_.size(), kReserveBytes / buffer_bytes_);
  const std::size_t count = std::min(idle_, free_.size() - reserve);
  const auto end = free_.begin() + static_cast<std::ptrdiff_t>(count);
  std::sort(free_.begin(), end);
  for (auto first = free_.begin(); first != end;) {
    // Neighbours together: a huge page that goes whole need not be broken up.
    auto last = std::next(first);
    while (last != end && *last == *std::prev(last) + buffer_bytes_) {
      ++last;
    }
    ::madvise(*first, static_cast<std::size_t>(last - first) * buffer_bytes_, MADV_DONTNEED);
    first = last;
  }
  absent_.insert(absent_.end(), free_.begin(), end);
  free_.erase(free_.begin(), end);
  idle_ = free_.size();
}

void Arena::more() {
  if (absent_.empty()) {
    grow();
    return;
  }
  populate(absent_.back(), buffer_bytes_);
  free_.push_back(absent_.back());
  absent_.pop_back();
}

void Arena::grow() {
  // Twice the size, of which the aligned half is kept: only an aligned slab can be a huge page.
  void* raw =
      ::mmap(nullptr, 2 * kSlabBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CORE_CHECK(raw != MAP_FAILED);
  auto* start = static_cast<std::byte*>(raw);
  const auto misfit = reinterpret_cast<std::uintptr_t>(start) % kSlabBytes;
  const std::size_t before = misfit == 0 ? 0 : kSlabBytes - misfit;
  if (before > 0) {
    ::munmap(start, before);
  }
  std::byte* slab = start + before;
  ::munmap(slab + kSlabBytes, kSlabBytes - before);
  // Both are wishes: without huge pages, or on a kernel that cannot populate, the first touch of
  // each page pays instead.
  ::madvise(slab, kSlabBytes, MADV_HUGEPAGE);
  populate(slab, kSlabBytes);
  slabs_.push_back(slab);
  for (std::size_t at = kSlabBytes; at > 0; at -= buffer_bytes_) {
    free_.push_back(slab + at - buffer_bytes_);
  }
}

}  // namespace cache
