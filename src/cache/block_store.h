#pragma once
// The inside of BlockCache: what is remembered of each version, and the one lock over all of it.
#include <atomic>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "cache/arena.h"
#include "cache/version_blocks.h"
#include "core/mutex.h"

namespace cache {

/// One bit for each unit of a block.
using Units = std::uint32_t;
static_assert(kBlockBytes / kUnitBytes == 8 * sizeof(Units));

/// Which queue of eviction a block stands in.
enum class Place : std::uint8_t {
  None,        ///< somebody is bringing part of it: not to be evicted
  Prefetched,  ///< here, and not wholly read yet
  Cold,        ///< read once
  Hot,         ///< read again: keeps out of a stream's way
};

struct Block {
  Block(std::shared_ptr<Arena> memory, Version* version, std::uint64_t number)
      : arena(std::move(memory)), data(arena->take()), owner(version), index(number) {}
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { arena->give_back(data); }

  const std::shared_ptr<Arena> arena;  ///< shared, because answers may outlive the cache
  std::byte* const data;
  Version* const owner;
  const std::uint64_t index;
  Units valid = 0;
  Units pending = 0;   ///< claimed and not here yet; never intersects valid
  Units consumed = 0;  ///< handed out at least once
  Place place = Place::None;
  std::list<std::shared_ptr<Block>>::iterator at;  ///< in its queue, unless None
};
using BlockPointer = std::shared_ptr<Block>;

struct Waiter {
  model::ByteRange range;
  std::vector<BlockPointer> blocks;  ///< all that `range` touches, in order: pinned
  std::size_t complete = 0;          ///< leading blocks that have all that is needed of them
  std::vector<std::uint64_t> own;    ///< claims made for it
  VersionBlocks::Done done;
};

struct Claim {
  BlockStore* store = nullptr;
  std::shared_ptr<Version> version;
  model::ByteRange range;  ///< begins and, but for the object's end, ends between units
  std::uint64_t id = 0;
  std::vector<BlockPointer> blocks;
  std::atomic<std::uint64_t> received = 0;
  bool ended = false;
};

struct Version {
  model::ObjectVersion id;
  std::size_t readers = 0;
  bool forgotten = false;
  std::shared_ptr<void> companion;  ///< the caller's
  std::unordered_map<std::uint64_t, BlockPointer> blocks;
  std::list<std::shared_ptr<Waiter>> waiters;
  std::vector<Claim*> claims;
};
using VersionPointer = std::shared_ptr<Version>;

/// Threads: any. Everything above is guarded by the lock in here, except that the bytes of claimed
/// units belong to the claim, and those of valid units never change.
class BlockStore {
 public:
  explicit BlockStore(std::uint64_t budget_bytes);

  VersionPointer open(const model::ObjectVersion& id);
  void close(const VersionPointer& version);
  void forget(const model::ObjectKey& key);
  std::shared_ptr<void> companion(Version& version,
                                  const std::function<std::shared_ptr<void>()>& make);

  std::optional<Slices> get(Version& version, model::ByteRange range);
  VersionBlocks::Asked ask(const VersionPointer& version, model::ByteRange range,
                           std::uint64_t ahead_until, std::uint64_t piece_bytes,
                           VersionBlocks::Done done);
  std::vector<std::uint64_t> abandon(Version& version, const std::shared_ptr<Waiter>& waiter);
  VersionBlocks::Ahead claim_ahead(const VersionPointer& version, model::ByteRange range,
                                   std::uint64_t piece_bytes);

  /// No lock: nobody else touches the bytes of claimed units.
  static std::span<std::byte> room(const Claim& claim);
  core::Status append(Claim& claim, core::ByteView data);
  void finish(Claim& claim, core::Status status);
  bool wanted(const Claim& claim);

  [[nodiscard]] std::uint64_t budget_bytes() const { return budget_; }
  [[nodiscard]] std::uint64_t held_bytes() const { return arena_->live_bytes(); }
  [[nodiscard]] std::uint64_t resident_bytes() const { return arena_->resident_bytes(); }
  void give_back_idle() { arena_->give_back_idle(); }

 private:
  struct Answer {
    std::shared_ptr<Waiter> waiter;
    Slices slices;
  };
  using Queue = std::list<BlockPointer>;

  BlockPointer find_or_make(Version& version, std::uint64_t index, bool ahead) REQUIRES(mutex_);
  /// Claims the runs of units in `range` that are neither here nor on their way. Returns range.last
  /// or where it had to stop for want of memory, which only blocks from `ahead_from` on may do.
  std::uint64_t claim_missing(const VersionPointer& version, model::ByteRange range,
                              std::uint64_t ahead_from, std::uint64_t piece_bytes,
                              std::vector<Fill>& fills) REQUIRES(mutex_);
  /// Moves on over blocks that are complete; true if all are.
  static bool complete(Waiter& waiter);
  Slices take(Waiter& waiter) REQUIRES(mutex_);
  /// Takes out of `version` the waiters for any of `range` that now have all.
  std::vector<Answer> ready(Version& version, model::ByteRange range) REQUIRES(mutex_);

  bool make_room(bool ahead) REQUIRES(mutex_);
  bool evict_from(Queue& queue) REQUIRES(mutex_);
  void settle(const BlockPointer& block) REQUIRES(mutex_);
  void leave_queue(Block& block) REQUIRES(mutex_);
  void enter(const BlockPointer& block, Place place) REQUIRES(mutex_);
  void touch(const BlockPointer& block, Units units) REQUIRES(mutex_);
  void drop(const BlockPointer& block) REQUIRES(mutex_);
  void drop_idle(Version& version) REQUIRES(mutex_);
  void retire_if_unused(Version& version) REQUIRES(mutex_);
  Queue& queue(Place place) REQUIRES(mutex_);

  const std::uint64_t budget_;
  const std::shared_ptr<Arena> arena_ = std::make_shared<Arena>(kBlockBytes);
  core::Mutex mutex_{core::LockRank::Cache};
  std::unordered_multimap<model::ObjectKey, VersionPointer> versions_ GUARDED_BY(mutex_);
  std::uint64_t next_claim_ GUARDED_BY(mutex_) = 1;
  Queue prefetched_ GUARDED_BY(mutex_);
  Queue cold_ GUARDED_BY(mutex_);
  Queue hot_ GUARDED_BY(mutex_);
};

}  // namespace cache
