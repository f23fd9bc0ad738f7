#include "transfer/read_pattern.h"

#include <algorithm>
#include <utility>

namespace transfer {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kSlack = kMiB;  // how far the kernel's read-ahead may reorder
constexpr std::size_t kMostEarly = 16;  // reads beyond the head: more are no reordering
// A small window is wanted soon, and many connections bring it hardly later than a first byte.
constexpr std::uint64_t kSmallPiece = 256 * kKiB;
constexpr std::uint64_t kSmallWindow = 4 * kMiB;
constexpr std::uint64_t kMiddlePiece = 512 * kKiB;
// Of a big one every request costs something. At 20 ms to the first byte and 100 MB/s a connection,
// 56 of them move 1.9 GB/s: larger pieces leave connections idle, smaller ones wait for first bytes
// (the tests reckon with such a network).
constexpr std::uint64_t kBigPiece = kMiB;
constexpr std::uint64_t kBigWindow = 16 * kMiB;
constexpr std::uint64_t kPlainPiece = 256 * kKiB;  // of a big question without a stream
constexpr std::uint64_t kFirstReads = 4;  // among which the very first may be, out of order
// A stream that begins inside the object is as likely a random read that the kernel split: it has
// to come further than such reads of this handle came before it is believed.
constexpr std::uint64_t kDoubt = kMiB;
constexpr std::uint64_t kMostDoubt = 8 * kMiB;
constexpr std::uint64_t kGrain = 128 * kKiB;  // a window ends with a block of the cache

std::uint64_t piece_of(std::uint64_t window) {
  return window < kSmallWindow ? kSmallPiece : window < kBigWindow ? kMiddlePiece : kBigPiece;
}

std::uint64_t distance(std::uint64_t a, std::uint64_t b) { return a < b ? b - a : a - b; }

}  // namespace

void ReadPattern::Stream::advance(model::ByteRange range) {
  if (range.first == 0 && reads <= kFirstReads) {
    start = 0;  // overtaken by what was read ahead
    needed = range.size();
  }
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

std::uint64_t ReadPattern::Stream::earned() const {
  const std::uint64_t contiguous = head - start;
  if (contiguous <= needed) {
    return 0;
  }
  if (start > 0) {
    return (contiguous < kMiB ? 2 : 4) * contiguous;
  }
  return (contiguous < kMiB ? 4 : 8) * contiguous;
}

void ReadPattern::Stream::restart(model::ByteRange range) {
  start = range.first;
  head = range.last;
  early.clear();
  reads = 1;
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
    ++nearest->reads;
    nearest->advance(range);
    return *nearest;
  }
  Stream& oldest =
      *std::min_element(streams_.begin(), streams_.end(),
                        [](const Stream& a, const Stream& b) { return a.last_used < b.last_used; });
  if (oldest.id != 0) {
    last_length_ = oldest.head - oldest.start;
    if (oldest.planned > oldest.head) {
      plan.abandoned.push_back(oldest.id);
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
  if (steps_.on_read(range)) {
    plan.abandoned.push_back(std::exchange(steps_id_, 0));
  }
  Stream& stream = stream_of(range, plan);
  stream.last_used = ++reads_;
  plan.stream = stream.id;
  plan.piece_bytes = kPlainPiece;
  const std::uint64_t window = std::min(stream.earned(), max_window_bytes);
  if (window == 0) {
    plan_steps(size, max_window_bytes, plan);
    return plan;
  }
  plan.sequential = true;
  plan.piece_bytes = piece_of(window);
  const std::uint64_t from = std::max(stream.planned, range.first);
  const std::uint64_t wished = std::min(size, stream.head + window);
  if (from < wished) {
    // Whole pieces only, but for the last: a window that slides with every read must not trickle
    // requests.
    const std::uint64_t whole = (wished - from) / plan.piece_bytes * plan.piece_bytes;
    const std::uint64_t until = wished == size ? size : (from + whole) / kGrain * kGrain;
    plan.ahead = {from, std::max(from, until)};
  }
  return plan;
}

void ReadPattern::plan_steps(std::uint64_t size, std::uint64_t max_window_bytes, Plan& plan) {
  plan.steps = steps_.ahead(size, max_window_bytes);
  if (!plan.steps.empty() && steps_id_ == 0) {
    steps_id_ = next_id_++;
  }
  if (steps_id_ != 0) {
    plan.stream = steps_id_;
    plan.sequential = true;
  }
}

void ReadPattern::reached(std::uint64_t stream, std::uint64_t offset) {
  for (Stream& s : streams_) {
    if (s.id == stream) {
      s.planned = std::max(s.planned, offset);
    }
  }
}

void ReadPattern::failed(std::uint64_t stream) {
  if (stream == steps_id_) {
    steps_.forget();
    steps_id_ = 0;
  }
  for (Stream& s : streams_) {
    if (s.id == stream) {
      s.needed = std::max(s.needed, kSmallPiece);
      s.start = s.head;
      s.planned = s.head;
      s.reads = 0;
    }
  }
}

}  // namespace transfer
