#pragma once
// Bytes of object versions in memory, bounded.
#include <cstdint>
#include <memory>

#include "cache/version_blocks.h"

namespace cache {

/// Threads: any. Callbacks run with no lock held.
class BlockCache {
 public:
  explicit BlockCache(std::uint64_t budget_bytes);
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;
  ~BlockCache();

  std::shared_ptr<VersionBlocks> open(const model::ObjectVersion& version);
  /// Drops the blocks of every version of `key`; readers at work keep theirs until they close.
  void forget(const model::ObjectKey& key);

  [[nodiscard]] std::uint64_t budget_bytes() const;
  /// In blocks, those included that only an answer keeps alive.
  [[nodiscard]] std::uint64_t held_bytes() const;
  /// What that takes of the system's memory, free buffers included.
  [[nodiscard]] std::uint64_t resident_bytes() const;
  /// Gives back to the system what was free all the time since the last call.
  void give_back_idle();

 private:
  std::unique_ptr<BlockStore> store_;
};

}  // namespace cache
