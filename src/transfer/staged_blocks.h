#pragma once
// What one file has in memory: whole blocks of its content, and what of them is data.
#include <bitset>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/bytes.h"
#include "model/object_key.h"
#include "transfer/staged_memory.h"

namespace transfer {

/// Blocks by their place. Of a block that is here nothing is anywhere else.
/// Threads: one at a time.
class StagedBlocks {
 public:
  static constexpr std::uint64_t kBlock = StagedMemory::kBlockBytes;
  static constexpr std::uint64_t kPage = 4096;

  explicit StagedBlocks(std::shared_ptr<StagedMemory> memory) : memory_(std::move(memory)) {}

  [[nodiscard]] bool has(std::uint64_t index) const { return blocks_.contains(index); }
  [[nodiscard]] bool empty() const { return blocks_.empty(); }
  /// An empty block. False: there is no memory.
  bool add(std::uint64_t index);
  /// Into one block, which is here.
  void write(std::uint64_t offset, std::span<const std::byte> data);
  /// All of a block, here or not, which keeps the memory on offer. False: there is no memory.
  bool accept(std::uint64_t index, core::BlockOffer& offer);
  [[nodiscard]] bool is_of(const core::BlockOffer& offer) const {
    return offer.pool == memory_.get();
  }
  void truncate(std::uint64_t size);
  /// The same content without a block, if it is little. Whether there is none now.
  bool set_aside();

  /// What lies from `offset` on: bytes of one block that is here, zeros (no view), or what is not
  /// here. Shape: `size` at most as long as asked, never 0.
  struct Stretch {
    bool here = false;
    std::uint64_t size = 0;
    core::Bytes bytes;  ///< pinned; empty: zeros, if here
  };
  [[nodiscard]] Stretch at(std::uint64_t offset, std::uint64_t length) const;
  /// The next data or hole in the block of `offset`, which is here; nothing in it.
  [[nodiscard]] std::optional<std::uint64_t> seek(std::uint64_t offset, bool data) const;

  /// Bytes in pages of data.
  [[nodiscard]] std::uint64_t data_bytes() const { return pages_ * kPage; }
  [[nodiscard]] std::uint64_t memory_bytes() const {
    return is_aside_ ? 0 : blocks_.size() * kBlock;
  }

  /// Blocks to be moved to another place: as they were when they were chosen.
  struct Leaving {
    std::uint64_t index = 0;
    std::uint64_t version = 0;
    core::Bytes bytes;  ///< whole pages, pinned
    std::bitset<kBlock / kPage> pages;

    /// Where its data lies in the file, ascending.
    [[nodiscard]] std::vector<model::ByteRange> runs() const;
  };
  /// The first ones, `bytes` at most.
  [[nodiscard]] std::vector<Leaving> leaving(std::uint64_t bytes, Spillable::Which which);
  /// What lies in `range` is being sent.
  void sends(model::ByteRange range);
  /// It lies elsewhere now. False, and it stays: somebody has written to it since.
  bool left(const Leaving& block);

 private:
  struct Held {
    StagedMemory::BlockPtr block;  ///< none: it is set aside
    core::Bytes aside;
    std::uint64_t filled = 0;  ///< bytes from its start; whatever comes after reads as zeros
    std::uint64_t shown = 0;   ///< no byte from here on is in any pinned view; whole pages
    std::uint64_t version = 0;
    std::bitset<kBlock / kPage> pages;  ///< that somebody wrote to
    bool sent = false;                  ///< and not written to since
  };
  [[nodiscard]] static core::Bytes view_of(const Held& held, std::uint64_t from,
                                           std::uint64_t size);
  /// Gives content that was set aside a block again.
  void take_up();
  /// Leaves those who read the block what they see, where bytes from `from` on are to be written.
  void make_writable(Held& held, std::uint64_t from);

  const std::shared_ptr<StagedMemory> memory_;
  std::map<std::uint64_t, Held> blocks_;
  std::uint64_t pages_ = 0;  ///< of all blocks
  bool is_aside_ = false;    ///< the only one is
};

}  // namespace transfer
