#include "transfer/staged_memory.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "cache/framed_arena.h"
#include "core/thread_pool.h"

namespace transfer {
namespace {

// Moved to the disk by one call: what the disk takes without a pause, and a writer can wait for.
constexpr std::uint64_t kSpillBytes = std::uint64_t{8} << 20U;
// Beyond these what was sent goes to the disk before more would take fresh memory: to touch that
// for the first time costs many times what a direct write does (measured: 1 to 2.3 s/GB, the latter
// where the hypervisor must supply it; 0.06 s/GB).
constexpr std::size_t kFewBlocks = 16;
// Free ones, for writers who take a part's blocks meanwhile.
constexpr std::size_t kSpareBlocks = 8;
// Bigger content has a block to itself.
constexpr std::size_t kMostAside = std::size_t{64} << 10U;
// What is set aside may take this part of the limit.
constexpr std::size_t kAsideShare = 2;

}  // namespace

struct StagedMemory::Block::Pin {
  explicit Pin(std::shared_ptr<Block> block) : of(std::move(block)) {
    of->pins_.fetch_add(1, std::memory_order_relaxed);
  }
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  ~Pin() { of->pins_.fetch_sub(1, std::memory_order_release); }

  const std::shared_ptr<Block> of;
};

StagedMemory::Block::~Block() { from_->give_back(memory_); }

core::Bytes StagedMemory::Block::pin(std::shared_ptr<Block> block, std::size_t offset,
                                     std::size_t size) {
  const core::ByteView view(block->data() + offset, size);
  return {std::make_shared<const Pin>(std::move(block)), view};
}

StagedMemory::StagedMemory(std::uint64_t limit_bytes)
    : most_(limit_bytes / kBlockBytes),
      few_(std::min(kFewBlocks, most_ / 2)),
      high_(most_ - std::max<std::size_t>(most_ / 8, most_ > 1 ? 1 : 0)),
      pause_(std::max<std::size_t>((most_ - high_) / 2, 1)),
      arena_(std::make_unique<cache::FramedArena>(kBytes, kBefore)) {}

StagedMemory::~StagedMemory() = default;

bool StagedMemory::is_growing() const {
  return out_ > few_ && arena_->free_blocks() < kSpareBlocks;
}

std::size_t StagedMemory::used() const {
  return out_ + static_cast<std::size_t>(aside_bytes_ / kBlockBytes);
}

bool StagedMemory::is_short() const { return used() > high_ || is_growing(); }

bool StagedMemory::count_one() {
  const core::MutexLock lock(mutex_);
  ++takes_;
  const bool counted = used() < most_;
  out_ += counted ? 1 : 0;
  if (takes_ >= look_at_ && is_short()) {
    taken_.notify_one();
  }
  return counted;
}

StagedMemory::BlockPtr StagedMemory::take() {
  return count_one() ? std::make_shared<Block>(shared_from_this(), arena_->take()) : nullptr;
}

StagedMemory::BlockPtr StagedMemory::accept(core::BlockOffer& offer) {
  if (!count_one()) {
    return nullptr;
  }
  offer.instead = arena_->take();
  return std::make_shared<Block>(shared_from_this(), offer.block);
}

std::byte* StagedMemory::lend() { return arena_->take(); }

void StagedMemory::take_back(std::byte* block) { arena_->give_back(block); }

StagedMemory::BlockPtr StagedMemory::take_beyond() {
  {
    const core::MutexLock lock(mutex_);
    ++out_;
  }
  return std::make_shared<Block>(shared_from_this(), arena_->take());
}

void StagedMemory::give_back(std::byte* memory) {
  arena_->give_back(memory);
  const core::MutexLock lock(mutex_);
  --out_;
}

void StagedMemory::enlist(const Spillable* holder, std::weak_ptr<Spillable> self) {
  const core::MutexLock lock(mutex_);
  holders_.insert_or_assign(holder, std::move(self));
}

void StagedMemory::retire(const Spillable* holder) {
  const core::MutexLock lock(mutex_);
  holders_.erase(holder);
}

/// Content set aside.
struct StagedMemory::Aside {
  Aside(std::shared_ptr<StagedMemory> memory, std::span<const std::byte> content)
      : from(std::move(memory)), bytes(content.begin(), content.end()) {}
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;
  ~Aside() { from->aside_bytes_ -= bytes.size(); }

  const std::shared_ptr<StagedMemory> from;
  const std::vector<std::byte> bytes;
};

core::Bytes StagedMemory::set_aside(std::span<const std::byte> content) {
  const std::uint64_t most = most_ * kBlockBytes / kAsideShare;
  if (content.empty() || content.size() > kMostAside || aside_bytes_ + content.size() > most) {
    return {};
  }
  aside_bytes_ += content.size();
  auto aside = std::make_shared<const Aside>(shared_from_this(), content);
  const core::ByteView view = aside->bytes;
  return {std::move(aside), view};
}

std::uint64_t StagedMemory::live_bytes() const {
  const core::MutexLock lock(mutex_);
  return out_ * kBlockBytes + aside_bytes_;
}

void StagedMemory::give_back_idle() { arena_->give_back_idle(); }

std::vector<std::shared_ptr<Spillable>> StagedMemory::holders() const {
  std::vector<std::weak_ptr<Spillable>> known;
  {
    const core::MutexLock lock(mutex_);
    known.reserve(holders_.size());
    for (const auto& [holder, self] : holders_) {
      known.push_back(self);
    }
  }
  // Not under the lock: the last reference may end with this one.
  std::vector<std::pair<std::uint64_t, std::shared_ptr<Spillable>>> sized;
  for (const std::weak_ptr<Spillable>& one : known) {
    if (auto holder = one.lock()) {
      sized.emplace_back(holder->memory_bytes(), std::move(holder));
    }
  }
  std::sort(sized.begin(), sized.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::shared_ptr<Spillable>> holders;
  holders.reserve(sized.size());
  for (auto& [bytes, holder] : sized) {
    holders.push_back(std::move(holder));
  }
  return holders;
}

std::optional<Spillable::Which> StagedMemory::await_shortage(bool again) {
  const core::MutexLock lock(mutex_);
  look_at_ = takes_ + (again ? pause_ : 0);
  while (!stopped_ && (takes_ < look_at_ || !is_short())) {
    taken_.wait(mutex_);
  }
  if (stopped_) {
    return std::nullopt;
  }
  return used() > high_ ? Spillable::Which::Idle : Spillable::Which::Sent;
}

void StagedMemory::stop() {
  const core::MutexLock lock(mutex_);
  stopped_ = true;
  taken_.notify_all();
}

struct Spiller::Thread {
  std::thread thread;
};

Spiller::Spiller(std::shared_ptr<StagedMemory> memory)
    : memory_(std::move(memory)), thread_(std::make_unique<Thread>()) {
  thread_->thread = std::thread([memory = memory_] {
    core::name_this_thread("spill");
    bool spilled = true;
    while (const auto which = memory->await_shortage(!spilled)) {
      const auto holders = memory->holders();
      spilled = std::any_of(holders.begin(), holders.end(), [&](const auto& holder) {
        return holder->spill(kSpillBytes, *which) > 0;
      });
    }
  });
}

Spiller::~Spiller() {
  memory_->stop();
  thread_->thread.join();
}

}  // namespace transfer
