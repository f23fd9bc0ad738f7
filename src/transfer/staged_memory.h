#pragma once
// The memory of one mount that written bytes lie in before they go to the disk, or nowhere but to
// the bucket.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/blocks.h"
#include "core/bytes.h"
#include "core/mutex.h"

namespace cache {
class FramedArena;
}

namespace transfer {

/// Who has blocks, and can do without them.
class Spillable {
 public:
  virtual ~Spillable() = default;
  /// Which blocks are to go.
  enum class Which : std::uint8_t {
    Sent,  ///< those that were sent: nobody needs them soon
    Idle,  ///< those that nobody reads now
    All,
  };
  /// Moves blocks to the disk, those at its begin first. Shape: how many bytes of memory were given
  /// back, about `bytes` at most; 0: none can go now. Threads: any; blocks on the disk.
  virtual std::uint64_t spill(std::uint64_t bytes, Which which) = 0;
  /// Bytes of its blocks. Threads: any; waits for nothing.
  [[nodiscard]] virtual std::uint64_t memory_bytes() const = 0;
};

/// Blocks of one size under one limit. Whoever gets none goes to the disk himself. Those that are
/// lent do not count: a few buffers that others receive in.
/// Threads: any.
class StagedMemory : public core::BlockPool, public std::enable_shared_from_this<StagedMemory> {
 public:
  static constexpr std::size_t kBlockBytes = core::BlockPool::kBytes;

  /// One block. Whoever reads it without the lock of its owner pins it meanwhile; the owner does
  /// not change bytes of a pinned block, but may add to them.
  class Block {
   public:
    Block(std::shared_ptr<StagedMemory> from, std::byte* memory)
        : from_(std::move(from)), memory_(memory) {}
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block();
    [[nodiscard]] std::byte* data() const { return memory_; }
    [[nodiscard]] bool is_pinned() const { return pins_.load(std::memory_order_acquire) > 0; }
    /// A view of `block` that pins it as long as it lives.
    static core::Bytes pin(std::shared_ptr<Block> block, std::size_t offset, std::size_t size);

   private:
    struct Pin;
    const std::shared_ptr<StagedMemory> from_;
    std::byte* const memory_;
    std::atomic<unsigned> pins_ = 0;
  };
  using BlockPtr = std::shared_ptr<Block>;

  explicit StagedMemory(std::uint64_t limit_bytes);
  ~StagedMemory() override;
  StagedMemory(const StagedMemory&) = delete;
  StagedMemory& operator=(const StagedMemory&) = delete;

  /// Whatever was in it is still there. None: all are out.
  [[nodiscard]] BlockPtr take();
  /// The block on offer as one of ours, for a fresh one. None: all are out.
  [[nodiscard]] BlockPtr accept(core::BlockOffer& offer);
  /// One more, limit or not: for a copy of what somebody is reading, who ends soon.
  [[nodiscard]] BlockPtr take_beyond();
  /// Tells of somebody who may have blocks from now on, until retire().
  void enlist(const Spillable* holder, std::weak_ptr<Spillable> self);
  void retire(const Spillable* holder);

  /// A copy outside of the blocks, for content so small that a block is a waste. Empty: there are
  /// enough of these, or it is not small.
  [[nodiscard]] core::Bytes set_aside(std::span<const std::byte> content);

  [[nodiscard]] std::byte* lend() override;
  void take_back(std::byte* block) override;

  [[nodiscard]] std::uint64_t live_bytes() const;
  /// Gives back to the system what was free for a while.
  void give_back_idle();

  /// Waits until there is a reason to move blocks to the disk, and says which. `again`: and until
  /// some blocks more were taken, because nobody could do without one. None: stop() was called.
  std::optional<Spillable::Which> await_shortage(bool again);
  void stop();
  /// Those that may have blocks, the one with most of them first.
  [[nodiscard]] std::vector<std::shared_ptr<Spillable>> holders() const;

 private:
  [[nodiscard]] bool count_one();
  /// Blocks, or as much of what is set aside.
  [[nodiscard]] std::size_t used() const REQUIRES(mutex_);
  /// Whether what was sent had better go.
  [[nodiscard]] bool is_growing() const REQUIRES(mutex_);
  [[nodiscard]] bool is_short() const REQUIRES(mutex_);
  void give_back(std::byte* memory);
  struct Aside;

  const std::size_t most_;   ///< blocks
  const std::size_t few_;    ///< so many are always worth fresh memory
  const std::size_t high_;   ///< with more of them out, memory is short
  const std::size_t pause_;  ///< so many may be taken before anybody is asked again in vain
  const std::unique_ptr<cache::FramedArena> arena_;
  std::atomic<std::uint64_t> aside_bytes_ = 0;
  mutable core::Mutex mutex_{core::LockRank::Budget};
  core::CondVar taken_;
  std::size_t out_ GUARDED_BY(mutex_) = 0;
  std::uint64_t takes_ GUARDED_BY(mutex_) = 0;
  std::uint64_t look_at_ GUARDED_BY(mutex_) = 0;  ///< of takes_: who spills sleeps until then
  std::map<const Spillable*, std::weak_ptr<Spillable>> holders_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = false;
};

/// The thread that keeps some of the memory free: who has most is the first to go to the disk, so
/// that one file that the network does not take leaves the others their share.
class Spiller {
 public:
  explicit Spiller(std::shared_ptr<StagedMemory> memory);
  Spiller(const Spiller&) = delete;
  Spiller& operator=(const Spiller&) = delete;
  ~Spiller();

 private:
  struct Thread;
  const std::shared_ptr<StagedMemory> memory_;
  const std::unique_ptr<Thread> thread_;
};

}  // namespace transfer
