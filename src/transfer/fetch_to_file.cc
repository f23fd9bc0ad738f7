#include "transfer/fetch_to_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "core/digest.h"
#include "core/os_error.h"

namespace transfer {
namespace {

constexpr std::uint64_t kPieceBytes = 8U << 20U;

/// Writes what arrives to its place in a file, and sums it up.
class FileSink final : public store::Sink {
 public:
  FileSink(int fd, std::uint64_t offset, core::Metric& downloaded)
      : fd_(fd), offset_(offset), downloaded_(downloaded) {}

  core::Status on_data(core::ByteView data) override {
    crc_ = core::crc64(data, crc_);
    downloaded_.add(static_cast<std::int64_t>(data.size()));
    while (!data.empty()) {
      const ssize_t n =
          ::pwrite(fd_, data.data(), data.size(), static_cast<off_t>(offset_ + written_));
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n < 0) {
        return core::os_error(errno, "write fetched bytes");
      }
      written_ += static_cast<std::uint64_t>(n);
      data = data.subspan(static_cast<std::size_t>(n));
    }
    return {};
  }
  [[nodiscard]] std::uint64_t written() const { return written_; }
  [[nodiscard]] std::uint64_t crc() const { return crc_; }

 private:
  const int fd_;
  const std::uint64_t offset_;
  core::Metric& downloaded_;
  std::uint64_t written_ = 0;
  std::uint64_t crc_ = 0;
};

/// What the pieces of one fetch have in common.
struct Progress {
  core::Mutex mutex{core::LockRank::Leaf};
  core::CondVar changed;
  std::size_t left GUARDED_BY(mutex) = 0;
  std::vector<std::uint64_t> crcs GUARDED_BY(mutex);
  std::optional<std::uint64_t> expected GUARDED_BY(mutex);
  core::Status status GUARDED_BY(mutex);
  std::stop_source stop;  ///< the first failure ends the others

  void end(std::size_t piece, std::uint64_t crc, std::optional<std::uint64_t> whole,
           core::Status outcome) {
    const core::MutexLock lock(mutex);
    crcs[piece] = crc;
    if (outcome && whole) {
      expected = whole;
    }
    if (status && !outcome) {
      status = std::move(outcome);
    }
    --left;
    changed.notify_all();
  }
};

/// Ends its piece as cancelled if the queue drops it unrun.
class Piece {
 public:
  Piece(std::shared_ptr<Progress> progress, std::size_t index)
      : progress_(std::move(progress)), index_(index) {}
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;
  ~Piece() {
    if (!ended_) {
      end(0, std::nullopt, core::fail(core::ErrorKind::Cancelled, "shutting down"));
    }
  }
  void end(std::uint64_t crc, std::optional<std::uint64_t> whole, core::Status status) {
    ended_ = true;
    const bool failed = !status;
    progress_->end(index_, crc, whole, std::move(status));
    if (failed) {
      progress_->stop.request_stop();
    }
  }
  [[nodiscard]] std::stop_token stop() const { return progress_->stop.get_token(); }

 private:
  const std::shared_ptr<Progress> progress_;
  const std::size_t index_;
  bool ended_ = false;
};

}  // namespace

core::Status fetch_to_file(store::ObjectStore& store, Fetches& fetches, core::Metric& downloaded,
                           const core::OpContext& context, const model::ObjectVersion& version,
                           int fd) {
  const std::size_t count = (version.size + kPieceBytes - 1) / kPieceBytes;
  const auto progress = std::make_shared<Progress>();
  {
    const core::MutexLock lock(progress->mutex);
    progress->left = count;
    progress->crcs.resize(count);
  }
  const std::stop_callback on_stop(context.stop, [&] { progress->stop.request_stop(); });
  for (std::size_t i = 0; i < count; ++i) {
    const auto piece = std::make_shared<Piece>(progress, i);
    const model::ByteRange range{i * kPieceBytes, std::min(version.size, (i + 1) * kPieceBytes)};
    core::OpContext own = context;
    own.stop = piece->stop();
    fetches.queue().post(fetches.next_plain_id(), Fetches::Urgency::Background,
                         [&store, &downloaded, own, version, range, fd, piece] {
                           FileSink sink(fd, range.first, downloaded);
                           auto meta = store.read(own, version, range, sink);
                           if (!meta) {
                             piece->end(0, std::nullopt, std::move(meta).error());
                           } else if (sink.written() != range.size()) {
                             piece->end(
                                 0, std::nullopt,
                                 core::fail(core::ErrorKind::Corrupt, "the range ended early"));
                           } else {
                             piece->end(sink.crc(), meta->crc64, {});
                           }
                         });
  }
  const core::MutexLock lock(progress->mutex);
  while (progress->left > 0) {
    progress->changed.wait(progress->mutex);
  }
  if (!progress->status) {
    return std::move(progress->status).error().within("fetch " + version.key.text());
  }
  std::uint64_t crc = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t length = std::min(kPieceBytes, version.size - i * kPieceBytes);
    crc = core::crc64_combine(crc, progress->crcs[i], length);
  }
  if (progress->expected && *progress->expected != crc) {
    return core::fail(core::ErrorKind::Corrupt,
                      "fetch " + version.key.text() + ": the CRC-64 is not the service's");
  }
  return {};
}

}  // namespace transfer
