#pragma once
#include <functional>
#include <map>

#include "core/mutex.h"
#include "model/object_key.h"

namespace transfer {

/// Whether the ranges that readers of one version fetched, in whatever order, are together the
/// object that its CRC-64 says. Knows the sums of what it was told, joined where they touch.
/// Threads: any.
class WholeSum {
 public:
  /// `on_damage` is called once, without a lock.
  WholeSum(std::uint64_t size, std::function<void()> on_damage);

  enum class Verdict : std::uint8_t {
    Incomplete,  ///< nothing can be said: part is missing
    Right,
    Damaged,  ///< and remains so
  };
  /// Takes the sum of a range whose last bytes are still held back; `expected` is the object's.
  Verdict add(model::ByteRange range, std::uint64_t crc64, std::uint64_t expected);
  /// What came is damaged, as others found out.
  void condemn();
  [[nodiscard]] bool damaged() const;

 private:
  struct Piece {
    std::uint64_t last = 0;
    std::uint64_t crc64 = 0;
  };
  Verdict judge(model::ByteRange range, std::uint64_t crc64, std::uint64_t expected)
      REQUIRES(mutex_);

  const std::uint64_t size_;
  const std::function<void()> on_damage_;
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  std::map<std::uint64_t, Piece> pieces_ GUARDED_BY(mutex_);  ///< by their first byte, disjoint
  bool damaged_ GUARDED_BY(mutex_) = false;
};

}  // namespace transfer
