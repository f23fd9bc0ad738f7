// How long reads take over a network that is reckoned, not waited for: each request takes a while
// to its first byte, each connection and all of them together have a rate.
#include <gmock/gmock.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "transfer/download_options.h"
#include "transfer/read_pattern.h"

namespace {

using model::ByteRange;
using transfer::ReadPattern;

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr double kStep = 0.0001;  // seconds
constexpr double kFirstByte = 0.020;
constexpr double kPerConnection = 100e6;  // bytes a second

/// What a single request of so many bytes takes.
double one_get(std::uint64_t bytes) {
  return kFirstByte + static_cast<double>(bytes) / kPerConnection;
}

/// A file read from end to end through the kernel's read-ahead, which begins with 512 KiB and
/// doubles up to 4 MiB, in requests of 1 MiB. Whoever waits goes before what runs ahead, which
/// leaves an eighth of the connections alone.
class Model {
 public:
  Model(std::uint64_t size, double network) : size_(size), network_(network) {}

  /// Seconds until all is here.
  double read_all() {
    while (position_ < size_) {
      ask_ahead();
      begin_requests();
      receive();
      now_ += kStep;
      take_answers();
    }
    return now_;
  }
  [[nodiscard]] double first_answer() const { return first_answer_; }
  [[nodiscard]] std::uint64_t most_ahead() const { return most_ahead_; }
  [[nodiscard]] std::size_t requests() const { return pieces_.size(); }

 private:
  struct Piece {
    ByteRange range;
    double begun = 0;
    double got = 0;
    [[nodiscard]] bool complete() const { return got >= static_cast<double>(range.size()); }
  };

  void ask_ahead() {
    const std::uint64_t ahead = std::clamp(2 * position_, 512 * kKiB, 4 * kMiB);
    while (asked_ < size_ && asked_ < position_ + ahead) {
      const ByteRange range{asked_, std::min({size_, asked_ + kMiB, position_ + ahead})};
      ask(range);
      asked_ = range.last;
      questions_.push_back(range);
    }
  }

  void ask(ByteRange range) {
    const auto plan = pattern_.on_read(range, size_, options_.window_bytes);
    claim(range.last, plan.piece_bytes, waited_for_);
    if (!plan.ahead.empty()) {
      claim(plan.ahead.last, plan.piece_bytes, ahead_);
      pattern_.reached(plan.stream, claimed_);
    }
    most_ahead_ = std::max(most_ahead_, claimed_ - position_);
  }

  void claim(std::uint64_t until, std::uint64_t piece, std::deque<std::size_t>& queue) {
    while (claimed_ < until) {
      const std::uint64_t last = std::min(until, claimed_ + piece);
      queue.push_back(pieces_.size());
      pieces_.push_back({{claimed_, last}});
      claimed_ = last;
    }
  }

  void begin_requests() {
    const auto begin_first = [this](std::deque<std::size_t>& queue, std::size_t limit) {
      while (!queue.empty() && under_way_.size() < limit) {
        pieces_[queue.front()].begun = now_;
        under_way_.push_back(queue.front());
        queue.pop_front();
      }
    };
    begin_first(waited_for_, options_.connections);
    begin_first(ahead_, options_.connections - options_.connections / 8);
  }

  void receive() {
    const auto flows = [this](std::size_t i) { return now_ >= pieces_[i].begun + kFirstByte; };
    const auto flowing = std::count_if(under_way_.begin(), under_way_.end(), flows);
    const double rate = std::min(
        kPerConnection, network_ / static_cast<double>(std::max<std::ptrdiff_t>(1, flowing)));
    for (const std::size_t i : under_way_) {
      pieces_[i].got += flows(i) ? rate * kStep : 0;
    }
    std::erase_if(under_way_, [this](std::size_t i) { return pieces_[i].complete(); });
  }

  [[nodiscard]] bool here(ByteRange range) const {
    return std::all_of(pieces_.begin() + oldest_, pieces_.end(), [&](const Piece& piece) {
      return piece.range.first >= range.last || piece.complete() ||
             piece.got >= static_cast<double>(range.last - piece.range.first);
    });
  }

  void take_answers() {
    while (!questions_.empty() && here(questions_.front())) {
      position_ = questions_.front().last;
      first_answer_ = first_answer_ == 0 ? now_ : first_answer_;
      questions_.pop_front();
      while (oldest_ < std::ssize(pieces_) &&
             pieces_[static_cast<std::size_t>(oldest_)].complete()) {
        ++oldest_;
      }
    }
  }

  const std::uint64_t size_;
  const double network_;
  const transfer::DownloadOptions options_;
  ReadPattern pattern_;
  double now_ = 0;
  double first_answer_ = 0;
  std::uint64_t position_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t claimed_ = 0;
  std::uint64_t most_ahead_ = 0;
  std::vector<Piece> pieces_;
  std::ptrdiff_t oldest_ = 0;  ///< piece that is not complete
  std::deque<ByteRange> questions_;
  std::deque<std::size_t> waited_for_;
  std::deque<std::size_t> ahead_;
  std::vector<std::size_t> under_way_;
};

TEST(ReadAheadModel, TheFirstBytesTakeHardlyMoreThanOneRequestForThem) {
  Model model(kMiB * 1024, 2.5e9);
  model.read_all();
  EXPECT_LE(model.first_answer(), 1.1 * one_get(128 * kKiB));
}

TEST(ReadAheadModel, AFileOfSixteenMiBTakesThreeFirstBytes) {
  Model model(16 * kMiB, 2.5e9);
  EXPECT_LE(model.read_all(), 0.080);
  EXPECT_LE(model.requests(), 70U);
}

TEST(ReadAheadModel, AStreamUsesTheConnectionsThatItMay) {
  Model model(1024 * kMiB, 10e9);
  const double rate = 1024.0 * 1024 * 1024 / model.read_all();
  EXPECT_GE(rate, 1.6e9);  // 56 connections, each 1 MiB in 30.5 ms: 1.9e9, after the first 0.1 s
  EXPECT_LE(model.most_ahead(), 69 * kMiB);
}

TEST(ReadAheadModel, AStreamFillsANetworkThatIsNarrower) {
  Model model(1024 * kMiB, 1e9);
  // All connections share it alike, so that their pieces end together and wait for first bytes
  // together: the worst case of such a network.
  EXPECT_GE(1024.0 * 1024 * 1024 / model.read_all(), 0.78e9);
}

}  // namespace
