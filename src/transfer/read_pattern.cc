#include "transfer/read_pattern.h"

#include <algorithm>

namespace transfer {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kSlack = kMiB;  // how far the kernel's read-ahead may reorder
constexpr std::size_t kMostEarly = 16;  // reads beyond the head: more are no reordering
constexpr std::uint64_t kMinPiece = 256 * kKiB;
// A window of 64 MiB is then 32 requests: at 20 ms to the first byte and 100 MB/s a connection, 50
// MB/s each. Larger pieces leave connections idle, smaller ones wait for first bytes.
constexpr std::uint64_t kMaxPiece = 2 * kMiB;
constexpr std::uint64_t kPlainPiece = kMiB;  // of a big question without a stream
// A stream that begins inside the object is as likely a random read that the kernel split: it has
// to come further than such reads of this handle came before it is believed.
constexpr std::uint64_t kDoubt = kMiB;
constexpr std::uint64_t kMostDoubt = 8 * kMiB;
constexpr std::uint64_t kPiecesPerWindow = 4;
constexpr std::uint64_t kGrain = 128 * kKiB;  // a window ends with a block of the cache

std::uint64_t distance(std::uint64_t a, std::uint64_t b) { return a < b ? b - a : a - b; }

}  // namespace

void ReadPattern::Stream::advance(model::ByteRange range) {
  if (range.first > head) {
    early.push_back(range);
    if (early.size() > kMostEarly) {
      restart(range);
    }
    return;
  }
  head = std::max(head, range.last);
  for (bool moved = true; moved;) {
    moved = false;
    std::erase_if(early, [&](const model::ByteRange& other) {
      if (other.first > head) {
        return false;
      }
      head = std::max(head, other.last);
      moved = true;
      return true;
    });
  }
}

void ReadPattern::Stream::restart(model::ByteRange range) {
  start = range.first;
  head = range.last;
  early.clear();
  needed = std::max(needed, range.size());
}

ReadPattern::Stream& ReadPattern::stream_of(model::ByteRange range, Plan& plan) {
  Stream* nearest = nullptr;
  for (Stream& stream : streams_) {
    if (stream.id != 0 && distance(stream.head, range.first) <= kSlack &&
        (nearest == nullptr ||
         distance(stream.head, range.first) < distance(nearest->head, range.first))) {
      nearest = &stream;
    }
  }
  if (nearest != nullptr) {
    nearest->advance(range);
    return *nearest;
  }
  Stream& oldest =
      *std::min_element(streams_.begin(), streams_.end(),
                        [](const Stream& a, const Stream& b) { return a.last_used < b.last_used; });
  if (oldest.id != 0) {
    last_length_ = oldest.head - oldest.start;
    if (oldest.planned > oldest.head) {
      plan.abandoned = oldest.id;
    }
  }
  oldest = Stream{};
  oldest.id = next_id_++;
  oldest.needed = range.first == 0 ? 0 : std::min(std::max(kDoubt, last_length_), kMostDoubt);
  oldest.restart(range);
  return oldest;
}

ReadPattern::Plan ReadPattern::on_read(model::ByteRange range, std::uint64_t size,
                                       std::uint64_t max_window_bytes) {
  Plan plan;
  Stream& stream = stream_of(range, plan);
  stream.last_used = ++reads_;
  plan.stream = stream.id;
  plan.piece_bytes = kPlainPiece;
  const std::uint64_t contiguous = stream.head - stream.start;
  if (contiguous <= stream.needed) {
    return plan;
  }
  plan.sequential = true;
  const std::uint64_t window =
      std::min(contiguous < kMiB ? 2 * contiguous : 4 * contiguous, max_window_bytes);
  plan.piece_bytes =
      std::clamp(window / kPiecesPerWindow / kMinPiece * kMinPiece, kMinPiece, kMaxPiece);
  const std::uint64_t until = std::min(size, (stream.head + window) / kGrain * kGrain);
  const std::uint64_t from = std::max(stream.planned, range.first);
  // Whole pieces only: a window that slides with every read must not trickle requests.
  if (from < until && (until - from >= plan.piece_bytes || until == size)) {
    plan.ahead = {from, until};
  }
  return plan;
}

void ReadPattern::reached(std::uint64_t stream, std::uint64_t offset) {
  for (Stream& s : streams_) {
    if (s.id == stream) {
      s.planned = std::max(s.planned, offset);
    }
  }
}

void ReadPattern::failed(std::uint64_t stream) {
  for (Stream& s : streams_) {
    if (s.id == stream) {
      s.needed = std::max(s.needed, kMinPiece);
      s.start = s.head;
      s.planned = s.head;
    }
  }
}

}  // namespace transfer
