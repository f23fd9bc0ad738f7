#include "transfer/partial_plan.h"

#include <algorithm>

#include "core/digest.h"
#include "core/format.h"

namespace transfer {
namespace {

using model::ByteRange;
using Origin = Piece::Origin;

// Copies pass no wire of ours: big ones save requests, some side by side save time.
constexpr std::uint64_t kCopyBytes = 64ULL << 20U;
constexpr std::uint64_t kCopiesOfOneRun = 64;

/// What the service has and is to copy, and between that what it is sent. Runs are not cut yet.
class Runs {
 public:
  Runs(std::uint64_t size, std::uint64_t least_sent, std::uint64_t least_copied)
      : size_(size), least_sent_(least_sent), least_copied_(least_copied) {}

  void take(const Piece& had) {
    ByteRange copied = had.range;
    if (at_ < copied.first) {
      copied.first = std::max(copied.first, std::min(size_, at_ + least_sent_));
    }
    const bool last = copied.last == size_;
    if (copied.empty() || (copied.size() < least_copied_ && !last)) {
      return;  // sent with what is around it
    }
    send_up_to(copied.first);
    runs_.push_back({had.origin, copied});
    at_ = copied.last;
  }
  std::vector<Piece> finish() && {
    send_up_to(size_);
    return std::move(runs_);
  }

 private:
  void send_up_to(std::uint64_t end) {
    if (at_ < end) {
      runs_.push_back({Origin::Content, {at_, end}});
    }
    at_ = end;
  }

  const std::uint64_t size_;
  const std::uint64_t least_sent_;
  const std::uint64_t least_copied_;
  std::uint64_t at_ = 0;
  std::vector<Piece> runs_;
};

std::uint64_t pieces_of(std::uint64_t bytes, std::uint64_t most) {
  return (bytes + most - 1) / most;
}

/// About as many bytes as a piece of a run has.
std::uint64_t piece_bytes(const Piece& run, const PieceRules& rules) {
  const std::uint64_t shared = pieces_of(run.range.size(), kCopiesOfOneRun);
  switch (run.origin) {
    case Origin::Base:
      return std::min(rules.max_copy_bytes, std::max(kCopyBytes, shared));
    case Origin::Zeros:
      return std::min(rules.max_zeros_bytes, rules.max_copy_bytes);
    case Origin::Content:
      break;
  }
  return std::min(rules.max_part_bytes, rules.part_bytes);
}

/// Cuts a run in equal pieces.
void cut(const Piece& run, const PieceRules& rules, std::vector<Piece>& into) {
  const std::uint64_t count = pieces_of(run.range.size(), piece_bytes(run, rules));
  const std::uint64_t even = run.range.size() / count;
  const std::uint64_t longer = run.range.size() % count;  // pieces have one byte more
  std::uint64_t at = run.range.first;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t end = at + even + (i < longer ? 1 : 0);
    into.push_back({run.origin, {at, end}});
    at = end;
  }
}

std::uint64_t count_of(const std::vector<Piece>& runs, const PieceRules& rules) {
  std::uint64_t count = 0;
  for (const Piece& run : runs) {
    count += pieces_of(run.range.size(), piece_bytes(run, rules));
  }
  return count;
}

}  // namespace

PieceRules piece_rules(const store::Capabilities& can, std::uint64_t part_bytes) {
  PieceRules rules;
  rules.part_bytes = std::max(part_bytes, 2 * can.min_part_bytes);  // halves are parts too
  rules.min_part_bytes = can.min_part_bytes;
  rules.max_part_bytes = can.max_part_bytes;
  rules.max_copy_bytes = std::min(can.max_copy_bytes, can.max_part_bytes);
  rules.max_parts = static_cast<std::size_t>(can.max_parts);
  return rules;
}

core::Result<std::vector<Piece>> plan_pieces(std::uint64_t size, const std::vector<Piece>& had,
                                             const PieceRules& given) {
  PieceRules rules = given;
  std::uint64_t least_copied = rules.min_part_bytes;
  for (;;) {
    Runs gather(size, rules.min_part_bytes, least_copied);
    for (const Piece& piece : had) {
      gather.take(piece);
    }
    const std::vector<Piece> runs = std::move(gather).finish();
    if (count_of(runs, rules) <= rules.max_parts) {
      std::vector<Piece> pieces;
      for (const Piece& run : runs) {
        cut(run, rules, pieces);
      }
      return pieces;
    }
    if (least_copied > size && rules.part_bytes >= rules.max_part_bytes) {
      return core::fail(
          core::ErrorKind::TooLarge,
          core::format("{} bytes are more than {} parts may hold", size, rules.max_parts));
    }
    least_copied *= 2;
    rules.part_bytes = std::min(2 * rules.part_bytes, rules.max_part_bytes);
  }
}

std::optional<std::uint64_t> sum_of_append(const std::vector<Piece>& pieces, const BaseSum& base,
                                           const std::vector<store::PartReceipt>& receipts) {
  std::size_t i = 0;
  std::uint64_t copied = 0;
  for (; i < pieces.size() && copied < base.size && pieces[i].origin == Origin::Base; ++i) {
    copied = pieces[i].range.last;
  }
  if (copied != base.size) {
    return std::nullopt;
  }
  auto sum = base.crc64;
  for (; i < receipts.size() && sum; ++i) {
    const store::PartReceipt& sent = receipts[i];
    sum = sent.crc64 ? std::optional(core::crc64_combine(*sum, *sent.crc64, sent.size))
                     : std::nullopt;
  }
  return sum;
}

bool is_whole(const std::vector<Piece>& pieces, std::uint64_t part_bytes) {
  std::uint64_t copied = 0;
  for (const Piece& piece : pieces) {
    copied += piece.origin == Origin::Content ? 0 : piece.range.size();
  }
  return copied < part_bytes;
}

}  // namespace transfer
