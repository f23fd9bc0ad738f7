#include "transfer/range_set.h"

#include <algorithm>
#include <iterator>

namespace transfer {

using model::ByteRange;

void RangeSet::add(ByteRange range) {
  if (range.empty()) {
    return;
  }
  auto at = ranges_.lower_bound(range.first);
  if (at != ranges_.begin() && std::prev(at)->second >= range.first) {
    --at;
  }
  while (at != ranges_.end() && at->first <= range.last) {
    range.first = std::min(range.first, at->first);
    range.last = std::max(range.last, at->second);
    at = ranges_.erase(at);
  }
  ranges_.emplace_hint(at, range.first, range.last);
}

void RangeSet::remove(ByteRange range) {
  if (range.empty()) {
    return;
  }
  auto at = ranges_.lower_bound(range.first);
  if (at != ranges_.begin() && std::prev(at)->second > range.first) {
    --at;
  }
  while (at != ranges_.end() && at->first < range.last) {
    const ByteRange found{at->first, at->second};
    at = ranges_.erase(at);
    if (found.first < range.first) {
      ranges_.emplace_hint(at, found.first, range.first);
    }
    if (found.last > range.last) {
      ranges_.emplace_hint(at, range.last, found.last);
    }
  }
}

bool RangeSet::contains(ByteRange range) const {
  if (range.empty()) {
    return true;
  }
  const auto after = ranges_.upper_bound(range.first);
  return after != ranges_.begin() && std::prev(after)->second >= range.last;
}

std::uint64_t RangeSet::bytes() const {
  std::uint64_t all = 0;
  for (const auto& [first, last] : ranges_) {
    all += last - first;
  }
  return all;
}

std::vector<ByteRange> RangeSet::ranges() const { return within({0, UINT64_MAX}); }

std::vector<ByteRange> RangeSet::within(ByteRange range) const {
  std::vector<ByteRange> found;
  auto at = ranges_.upper_bound(range.first);
  if (at != ranges_.begin()) {
    --at;
  }
  for (; at != ranges_.end() && at->first < range.last; ++at) {
    const ByteRange common{std::max(range.first, at->first), std::min(range.last, at->second)};
    if (!common.empty()) {
      found.push_back(common);
    }
  }
  return found;
}

}  // namespace transfer
