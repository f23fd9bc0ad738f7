#include "transfer/fetch_to_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <optional>
#include <vector>

#include "core/digest.h"
#include "core/os_error.h"
#include "core/task_group.h"

namespace transfer {
namespace {

constexpr std::uint64_t kPieceBytes = 8U << 20U;
// More than there are connections, so that the queue alone decides how many run.
constexpr std::size_t kPiecesAtOnce = 256;

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

/// What one request brought.
struct Fetched {
  std::uint64_t crc = 0;
  std::optional<std::uint64_t> whole;  ///< the service's sum of the version
};

}  // namespace

core::Status fetch_to_file(store::ObjectStore& store, Fetches& fetches, core::Metric& downloaded,
                           const core::OpContext& context, const model::ObjectVersion& version,
                           int fd) {
  const std::size_t count = (version.size + kPieceBytes - 1) / kPieceBytes;
  std::vector<Fetched> pieces(count);
  core::TaskGroup group(
      [&fetches](std::function<void()> turn) {
        fetches.queue().post(fetches.next_plain_id(), Fetches::Urgency::Background,
                             std::move(turn));
      },
      context, kPiecesAtOnce);
  for (std::size_t i = 0; i < count; ++i) {
    group.start([&, i](const core::OpContext& own) -> core::Status {
      const model::ByteRange range{i * kPieceBytes, std::min(version.size, (i + 1) * kPieceBytes)};
      FileSink sink(fd, range.first, downloaded);
      TRY_ASSIGN(const store::ObjectMeta meta, store.read(own, version, range, sink));
      if (sink.written() != range.size()) {
        return core::fail(core::ErrorKind::Corrupt, "the range ended early");
      }
      pieces[i] = {sink.crc(), meta.crc64};
      return {};
    });
  }
  if (auto fetched = group.wait(); !fetched) {
    return std::move(fetched).error().within("fetch " + version.key.text());
  }
  std::uint64_t crc = 0;
  std::optional<std::uint64_t> expected;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t length = std::min(kPieceBytes, version.size - i * kPieceBytes);
    crc = core::crc64_combine(crc, pieces[i].crc, length);
    expected = pieces[i].whole ? pieces[i].whole : expected;
  }
  if (expected && *expected != crc) {
    return core::fail(core::ErrorKind::Corrupt,
                      "fetch " + version.key.text() + ": the CRC-64 is not the service's");
  }
  return {};
}

}  // namespace transfer
