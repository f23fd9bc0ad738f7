// Which blocks stay: the queues of BlockStore.
#include <algorithm>

#include "cache/block_store.h"

namespace cache {
namespace {

// Of the budget, what running ahead leaves to readers who wait now.
constexpr std::uint64_t kForegroundShare = 8;
// Blocks read once may be this part of all before blocks read again have to go (as in S3-FIFO).
constexpr std::uint64_t kColdShare = 10;
// And this part of the budget before their memory is used again rather than fresh memory taken: the
// kernel has those pages, and memory that is touched for the first time costs more than what is
// received into it.
constexpr std::uint64_t kLingering = 6;
// How many pinned blocks eviction looks past before it calls a queue unevictable.
constexpr int kPinnedTries = 64;
// Owners of a block that nobody but its version and its queue refers to.
constexpr long kUnpinned = 2;

}  // namespace

BlockPointer BlockStore::find_or_make(Version& version, std::uint64_t index, bool ahead) {
  const auto at = version.blocks.find(index);
  if (at != version.blocks.end()) {
    return at->second;
  }
  if (!make_room(ahead) && ahead) {
    return nullptr;
  }
  auto block = std::make_shared<Block>(arena_, &version, index);
  version.blocks.emplace(index, block);
  return block;
}

bool BlockStore::make_room(bool ahead) {
  const std::uint64_t limit = ahead ? budget_ - budget_ / kForegroundShare : budget_;
  if (cold_.size() * kBlockBytes * kLingering >= budget_ && !arena_->has_free()) {
    evict_from(cold_);
  }
  while (arena_->live_bytes() + kBlockBytes > limit) {
    const std::size_t all = prefetched_.size() + cold_.size() + hot_.size();
    const bool cold_first = cold_.size() * kColdShare >= all;
    if (!(cold_first && evict_from(cold_)) && !evict_from(hot_) && !evict_from(cold_) &&
        !evict_from(prefetched_)) {
      return false;
    }
  }
  return true;
}

bool BlockStore::evict_from(Queue& victims) {
  for (int tries = 0; !victims.empty() && tries < kPinnedTries; ++tries) {
    if (victims.front().use_count() <= kUnpinned) {
      const BlockPointer block = victims.front();
      drop(block);
      return true;
    }
    victims.splice(victims.end(), victims, victims.begin());
  }
  return false;
}

BlockStore::Queue& BlockStore::queue(Place place) {
  switch (place) {
    case Place::Hot:
      return hot_;
    case Place::Cold:
      return cold_;
    case Place::Prefetched:
    case Place::None:
      break;
  }
  return prefetched_;
}

void BlockStore::leave_queue(Block& block) {
  if (block.place != Place::None) {
    queue(block.place).erase(block.at);
    block.place = Place::None;
  }
}

void BlockStore::enter(const BlockPointer& block, Place place) {
  if (block->place != Place::None) {
    Queue& from = queue(block->place);
    Queue& to = queue(place);
    to.splice(to.end(), from, block->at);
  } else {
    block->at = queue(place).insert(queue(place).end(), block);
  }
  block->place = place;
}

void BlockStore::settle(const BlockPointer& block) {
  const Version& version = *block->owner;
  if (block->valid == 0 || (version.forgotten && version.readers == 0)) {
    drop(block);
  } else {
    const bool read = (block->valid & ~block->consumed) == 0;
    enter(block, read || version.readers == 0 ? Place::Cold : Place::Prefetched);
  }
}

void BlockStore::touch(const BlockPointer& block, Units units) {
  const bool again = (block->consumed & units) != 0;
  block->consumed |= units;
  if (block->place == Place::None) {
    return;  // still coming; settle() decides
  }
  if (again || block->place == Place::Hot) {
    enter(block, Place::Hot);
  } else if ((block->valid & ~block->consumed) == 0) {
    enter(block, Place::Cold);
  }
}

void BlockStore::drop(const BlockPointer& block) {
  leave_queue(*block);
  block->owner->blocks.erase(block->index);
  retire_if_unused(*block->owner);
}

}  // namespace cache
