#include "transfer/whole_sum.h"

#include <iterator>
#include <utility>

#include "core/digest.h"

namespace transfer {
namespace {

// Who reads here and there does not read the whole; bounds what is remembered of him.
constexpr std::size_t kMostPieces = 1024;

}  // namespace

WholeSum::WholeSum(std::uint64_t size, std::function<void()> on_damage)
    : size_(size), on_damage_(std::move(on_damage)) {}

WholeSum::Verdict WholeSum::add(model::ByteRange range, std::uint64_t crc64,
                                std::uint64_t expected) {
  Verdict verdict = Verdict::Incomplete;
  {
    const core::MutexLock lock(mutex_);
    if (damaged_) {
      return Verdict::Damaged;
    }
    verdict = judge(range, crc64, expected);
  }
  if (verdict == Verdict::Damaged) {
    condemn();
  }
  return verdict;
}

WholeSum::Verdict WholeSum::judge(model::ByteRange range, std::uint64_t crc64,
                                  std::uint64_t expected) {
  auto next = pieces_.lower_bound(range.first);
  if (next != pieces_.begin() && std::prev(next)->second.last > range.first) {
    --next;
  }
  while (next != pieces_.end() && next->first < range.last) {
    // What is fetched again had left the memory: what was known of it counts no more.
    next = pieces_.erase(next);
  }
  const auto before = next == pieces_.begin() ? pieces_.end() : std::prev(next);
  Piece piece{range.last, crc64};
  if (next != pieces_.end() && next->first == range.last) {
    piece.crc64 =
        core::crc64_combine(piece.crc64, next->second.crc64, next->second.last - next->first);
    piece.last = next->second.last;
    pieces_.erase(next);
  }
  std::uint64_t first = range.first;
  if (before != pieces_.end() && before->second.last == first) {
    piece.crc64 = core::crc64_combine(before->second.crc64, piece.crc64, piece.last - first);
    first = before->first;
  }
  pieces_[first] = piece;
  if (first == 0 && piece.last == size_) {
    return piece.crc64 == expected ? Verdict::Right : Verdict::Damaged;
  }
  if (pieces_.size() > kMostPieces) {
    pieces_.clear();
  }
  return Verdict::Incomplete;
}

void WholeSum::condemn() {
  {
    const core::MutexLock lock(mutex_);
    if (std::exchange(damaged_, true)) {
      return;
    }
  }
  on_damage_();
}

bool WholeSum::damaged() const {
  const core::MutexLock lock(mutex_);
  return damaged_;
}

}  // namespace transfer
