#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "model/object_key.h"

namespace transfer {

/// Bytes of a file, as disjoint ranges that do not touch. Threads: one at a time.
class RangeSet {
 public:
  RangeSet() = default;
  explicit RangeSet(model::ByteRange range) { add(range); }

  void add(model::ByteRange range);
  void remove(model::ByteRange range);
  /// Takes out everything from `size` on.
  void cut(std::uint64_t size) { remove({size, UINT64_MAX}); }

  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] bool contains(model::ByteRange range) const;
  [[nodiscard]] std::uint64_t bytes() const;
  /// Ascending.
  [[nodiscard]] std::vector<model::ByteRange> ranges() const;
  /// What of `range` is in it, ascending.
  [[nodiscard]] std::vector<model::ByteRange> within(model::ByteRange range) const;

  friend bool operator==(const RangeSet&, const RangeSet&) = default;

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;  ///< first to last
};

}  // namespace transfer
