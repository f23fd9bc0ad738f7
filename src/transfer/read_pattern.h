#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "model/object_key.h"
#include "transfer/step_pattern.h"

namespace transfer {

/// Where one handle's reads are going, and how far to run ahead of them. Pure: a function of the
/// reads so far.
///
/// A handle may carry a few streams at once (loaders read several regions through one descriptor).
/// A read belongs to a stream if it begins within 1 MiB of its head, since the kernel's read-ahead
/// arrives out of order. A stream earns its window by what was read contiguously: nothing for the
/// first read, then four times as much, beyond 1 MiB eight times, up to the limit. One that begins
/// inside the object has to come further first, and earns half of that.
/// Pieces are such that many connections share a window, so that it is here a first byte later.
/// A handle without such a stream may go in steps (StepPattern).
/// Threads: one at a time.
class ReadPattern {
 public:
  struct Plan {
    std::uint64_t stream = 0;
    /// To be claimed now; empty: nothing. Begins at the question or beyond it.
    model::ByteRange ahead;
    /// Likewise, in one request each, apart from the question; of the stream, the nearest first.
    std::vector<model::ByteRange> steps;
    std::uint64_t piece_bytes = 0;         ///< most that one request should bring
    std::vector<std::uint64_t> abandoned;  ///< streams given up
    bool sequential = false;               ///< the stream has a window
  };
  /// `range` is not empty and lies within the object, which has `size` bytes.
  Plan on_read(model::ByteRange range, std::uint64_t size, std::uint64_t max_window_bytes);
  /// All of the stream up to `offset` is here or on its way.
  void reached(std::uint64_t stream, std::uint64_t offset);
  /// Running ahead failed: the stream has to earn its window again.
  void failed(std::uint64_t stream);

 private:
  struct Stream {
    std::uint64_t id = 0;  ///< 0: none
    std::uint64_t start = 0;
    std::uint64_t head = 0;               ///< all from start to there was read
    std::vector<model::ByteRange> early;  ///< read beyond the head, out of order
    std::uint64_t needed = 0;             ///< contiguous bytes without a window
    std::uint64_t reads = 0;              ///< since start
    std::uint64_t planned = 0;            ///< all before is here or on its way
    std::uint64_t last_used = 0;

    /// How far to run ahead of the head, but for the limit.
    [[nodiscard]] std::uint64_t earned() const;
    void advance(model::ByteRange range);
    void restart(model::ByteRange range);
  };
  Stream& stream_of(model::ByteRange range, Plan& plan);
  void plan_steps(std::uint64_t size, std::uint64_t max_window_bytes, Plan& plan);

  std::array<Stream, 4> streams_;
  StepPattern steps_;
  std::uint64_t steps_id_ = 0;  ///< of the steps as a stream; 0: none
  std::uint64_t next_id_ = 1;
  std::uint64_t reads_ = 0;
  std::uint64_t last_length_ = 0;  ///< how far the stream that was given up last had come
};

}  // namespace transfer
