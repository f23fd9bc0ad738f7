#pragma once
#include <cstddef>
#include <span>

namespace core {

/// Blocks of memory that go from hand to hand, so that what arrives in one need not be copied to
/// where it stays.
/// Threads: any.
class BlockPool {
 public:
  static constexpr std::size_t kBytes = std::size_t{1} << 20U;
  /// Of memory in front of each block, which belongs to it.
  static constexpr std::size_t kBefore = 4096;

  virtual ~BlockPool() = default;
  /// A block at a page boundary, all of its pages present.
  [[nodiscard]] virtual std::byte* lend() = 0;
  virtual void take_back(std::byte* block) = 0;
};

/// A block whose holder gives it away for another one of its pool: whoever keeps `block` sets
/// `instead`.
struct BlockOffer {
  BlockPool* pool = nullptr;
  std::byte* block = nullptr;
  std::byte* instead = nullptr;

  /// Whether `data` is all of the block.
  [[nodiscard]] bool is_all(std::span<const std::byte> data) const {
    return block != nullptr && data.data() == block && data.size() == BlockPool::kBytes;
  }
};

}  // namespace core
