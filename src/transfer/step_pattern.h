#pragma once
#include <cstdint>
#include <vector>

#include "model/object_key.h"

namespace transfer {

/// Reads of one length at one distance from each other, forwards or backwards, and what to read
/// ahead of them. Reads that follow each other without a gap are a pattern if they go backwards;
/// forwards they are a stream (ReadPattern). Pure: a function of the reads so far.
/// Threads: one at a time.
class StepPattern {
 public:
  /// True: the read is no step of the pattern that was, of which something is read ahead.
  bool on_read(model::ByteRange range);
  /// What the steps to come will ask for and was not named yet, the nearest first; within the
  /// object, which has `size` bytes, and hardly more than so much beyond the read.
  std::vector<model::ByteRange> ahead(std::uint64_t size, std::uint64_t max_window_bytes);
  /// It has to be recognised again.
  void forget() { *this = {}; }

 private:
  std::int64_t first_ = 0;  ///< of the last read
  std::int64_t length_ = 0;
  std::int64_t step_ = 0;
  std::int64_t steps_ = 0;  ///< such in a row
  std::int64_t edge_ = 0;   ///< where the last that is read ahead begins; or first_
};

}  // namespace transfer
