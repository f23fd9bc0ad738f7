#include "transfer/prefix_sums.h"

#include <algorithm>

#include "core/digest.h"

namespace transfer {
namespace {

constexpr std::uint64_t kGrain = std::uint64_t{1} << 20U;
// 512 KiB of sums: what lies beyond 64 GiB is summed as it is sent.
constexpr std::size_t kMostMarks = 64UL * 1024;

}  // namespace

void PrefixSums::wrote(std::uint64_t offset, core::ByteView data) {
  if (offset < summed_) {
    changed(offset);
  }
  if (offset != summed_) {
    return;
  }
  while (!data.empty() && marks_.size() < kMostMarks) {
    const auto piece =
        static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), kGrain - summed_ % kGrain));
    crc64_ = core::crc64(data.first(piece), crc64_);
    summed_ += piece;
    data = data.subspan(piece);
    if (summed_ % kGrain == 0) {
      marks_.push_back(crc64_);
    }
  }
}

void PrefixSums::changed(std::uint64_t offset) {
  if (offset >= summed_) {
    return;
  }
  marks_.resize(static_cast<std::size_t>(offset / kGrain));
  summed_ = marks_.size() * kGrain;
  crc64_ = marks_.empty() ? 0 : marks_.back();
}

std::optional<std::uint64_t> PrefixSums::of(model::ByteRange range) const {
  const auto before = up_to(range.first);
  const auto with = up_to(range.last);
  if (!before || !with || range.empty()) {
    return std::nullopt;
  }
  return *with ^ core::crc64_combine(*before, 0, range.size());
}

std::optional<std::uint64_t> PrefixSums::up_to(std::uint64_t end) const {
  if (end == 0) {
    return 0;
  }
  if (end == summed_) {
    return crc64_;
  }
  if (end > summed_ || end % kGrain != 0) {
    return std::nullopt;
  }
  return marks_[static_cast<std::size_t>(end / kGrain) - 1];
}

}  // namespace transfer
