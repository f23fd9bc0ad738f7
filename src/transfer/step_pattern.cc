#include "transfer/step_pattern.h"

#include <algorithm>
#include <cstdlib>

namespace transfer {
namespace {

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kFewest = 3;               // steps that make a pattern: two may be chance
constexpr std::int64_t kMost = 64;                // steps ahead: as many as there are connections
constexpr std::int64_t kLeastPiece = 256 * kKiB;  // of what is read backwards without a gap

/// As a stream that begins inside the object.
std::int64_t earned(std::int64_t read) { return (read < kMiB ? 2 : 4) * read; }

}  // namespace

bool StepPattern::on_read(model::ByteRange range) {
  const auto first = static_cast<std::int64_t>(range.first);
  const auto length = static_cast<std::int64_t>(range.size());
  const std::int64_t step = first - first_;
  const bool same = step == step_ && length == length_;
  const bool broken = !same && edge_ != first_;
  steps_ = same ? steps_ + 1 : length == length_ ? 1 : 0;
  step_ = step;
  length_ = length;
  first_ = first;
  const bool overtaken = step > 0 ? edge_ < first : edge_ > first;
  if (!same || overtaken) {
    edge_ = first;
  }
  return broken;
}

std::vector<model::ByteRange> StepPattern::ahead(std::uint64_t size,
                                                 std::uint64_t max_window_bytes) {
  std::vector<model::ByteRange> ranges;
  const bool backward = step_ == -length_;
  if (steps_ < kFewest || (std::abs(step_) <= length_ && !backward)) {
    return ranges;
  }
  const std::int64_t piece = backward ? std::max(length_, kLeastPiece) : length_;
  const std::int64_t stride = backward ? -piece : step_;
  const std::int64_t window =
      std::min(earned(steps_ * length_), static_cast<std::int64_t>(max_window_bytes));
  const std::int64_t furthest = std::min(kMost, window / piece) * std::abs(stride);
  const auto end = static_cast<std::int64_t>(size);
  for (;;) {
    const std::int64_t next = edge_ + stride;
    const std::int64_t from = std::max<std::int64_t>(0, next);
    const std::int64_t until = std::min(end, next + piece);
    if (std::abs(next - first_) > furthest || from >= until) {
      return ranges;
    }
    ranges.push_back({static_cast<std::uint64_t>(from), static_cast<std::uint64_t>(until)});
    edge_ = next;
  }
}

}  // namespace transfer
