#include "transfer/staging.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>

#include "core/check.h"
#include "core/format.h"
#include "core/mutex.h"
#include "core/os_error.h"
#include "transfer/prefix_sums.h"
#include "transfer/staged_blocks.h"
#include "transfer/staged_disk.h"
#include "transfer/staged_memory.h"

namespace transfer {
namespace {

using core::ErrorKind;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kBlock = 512;  // of st_blocks
constexpr std::uint64_t kStagedBlock = StagedBlocks::kBlock;
constexpr std::uint64_t kMostOffset = std::numeric_limits<off_t>::max();

/// Who uses how much of the limit. Threads: any.
class Ledger {
 public:
  explicit Ledger(std::uint64_t limit_bytes) : limit_(limit_bytes) {}
  /// Sets a file's use from `before` to `now`, whatever that comes to.
  void settle(std::uint64_t before, std::uint64_t now) { used_ += now - before; }
  [[nodiscard]] bool has_room(std::uint64_t more) const {
    const std::uint64_t used = used_;
    return used <= limit_ && more <= limit_ - used;
  }
  [[nodiscard]] std::uint64_t used() const { return used_; }
  [[nodiscard]] std::uint64_t limit() const { return limit_; }

 private:
  const std::uint64_t limit_;
  std::atomic<std::uint64_t> used_ = 0;
};

core::Error past_the_limit(const Ledger& ledger) {
  return core::fail(ErrorKind::NoSpace,
                    core::format("the staging limit of {} bytes is reached", ledger.limit()));
}

core::Status check_reach(std::uint64_t offset, std::uint64_t length) {
  if (offset > kMostOffset || length > kMostOffset - offset) {
    return core::fail(ErrorKind::TooLarge, "past the largest file size");
  }
  return {};
}

/// What the files of one mount share.
struct Shared {
  std::string directory;
  std::shared_ptr<Ledger> ledger;
  std::shared_ptr<StagedMemory> memory;
};

/// A block of content lies in memory or on the disk. It begins in memory, if there is any and
/// nothing of it is on the disk; once on the disk it stays there.
class TemporaryFile final : public StagedFile,
                            public Spillable,
                            public std::enable_shared_from_this<TemporaryFile> {
 public:
  explicit TemporaryFile(const Shared& shared)
      : memory_(shared.memory),
        ledger_(shared.ledger),
        blocks_(shared.memory),
        disk_(shared.directory) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  /// Is empty, and has the content of that file from now on.
  void adopt(core::UniqueFd file) {
    const core::MutexLock lock(mutex_);
    disk_.adopt(std::move(file));
    only_disk_ = true;
    size_ = disk_.size();
    sums_.changed(0);
    count_disk();
    settle();
  }
  ~TemporaryFile() override {
    const core::MutexLock lock(mutex_);
    ledger_->settle(charged_, 0);
    retire();
  }

  [[nodiscard]] std::uint64_t size() const override { return size_; }

  core::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) const override {
    std::size_t done = 0;
    while (done < buffer.size()) {
      StagedBlocks::Stretch stretch;
      int fd = -1;
      {
        const core::MutexLock lock(mutex_);
        const std::uint64_t left = size_ - std::min<std::uint64_t>(size_, offset + done);
        if (left == 0) {
          break;
        }
        stretch = blocks_.at(offset + done, std::min<std::uint64_t>(left, buffer.size() - done));
        fd = disk_.fd();
      }
      const auto room = buffer.subspan(done, static_cast<std::size_t>(stretch.size));
      TRY(copy(stretch, fd, offset + done, room));
      done += room.size();
    }
    return done;
  }

  core::Status write(std::uint64_t offset, std::span<const std::byte> data) override {
    core::BlockOffer none;
    return write_block(offset, data, none);
  }

  core::Status write_block(std::uint64_t offset, std::span<const std::byte> data,
                           core::BlockOffer& offer) override {
    if (data.empty()) {
      return {};
    }
    TRY(check_reach(offset, data.size()));
    const core::MutexLock lock(mutex_);
    if (!ledger_->has_room(data.size()) && !is_allocated(offset, data.size())) {
      return past_the_limit(*ledger_);
    }
    core::Status status = put(offset, data, offer);
    if (status) {
      sums_.wrote(offset, data);
    } else {
      sums_.changed(offset);
    }
    settle();
    return status;
  }

  core::Status truncate(std::uint64_t size) override {
    TRY(check_reach(size, 0));
    const core::MutexLock lock(mutex_);
    await_spill();
    if (disk_.exists() && (only_disk_ || disk_.size() > size)) {
      TRY(disk_.truncate(size));
    }
    blocks_.truncate(size);
    size_ = size;
    sums_.changed(size);
    count_disk();
    settle();
    return {};
  }

  core::Status allocate(int mode, std::uint64_t offset, std::uint64_t length) override {
    const int kind = mode & ~FALLOC_FL_KEEP_SIZE;
    const bool keep = (mode & FALLOC_FL_KEEP_SIZE) != 0;
    const bool punches = kind == FALLOC_FL_PUNCH_HOLE;
    if (kind != 0 && kind != FALLOC_FL_ZERO_RANGE && !(punches && keep)) {
      return core::fail(ErrorKind::Unsupported, core::format("fallocate mode {:#x}", mode));
    }
    if (length == 0) {
      return core::fail(ErrorKind::InvalidArgument, "fallocate of nothing");
    }
    TRY(check_reach(offset, length));
    const core::MutexLock lock(mutex_);
    if (!punches && !ledger_->has_room(length) && !is_allocated(offset, length)) {
      return past_the_limit(*ledger_);
    }
    TRY(all_to_disk());
    sums_.changed(offset);
    core::Status status = disk_.allocate(mode, offset, length);
    if (!status && kind == FALLOC_FL_ZERO_RANGE && status.error().kind == ErrorKind::Unsupported) {
      // tmpfs, for one, has no such mode; a hole reads as zeros too.
      status = disk_.allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
      if (status && !keep && size_ < offset + length) {
        status = disk_.truncate(offset + length);
      }
    }
    size_ = disk_.size();
    beyond_end_ = beyond_end_ || (keep && !punches);
    count_disk();
    settle();
    return status;
  }

  [[nodiscard]] core::Result<std::uint64_t> seek(std::uint64_t offset, int whence) const override {
    if (whence != SEEK_DATA && whence != SEEK_HOLE) {
      return core::fail(ErrorKind::InvalidArgument, "neither SEEK_DATA nor SEEK_HOLE");
    }
    const core::MutexLock lock(mutex_);
    if (offset >= size_) {
      return core::fail(ErrorKind::OutOfRange, "past the end");
    }
    TRY_ASSIGN(const auto found, find(offset, whence));
    if (!found && whence == SEEK_DATA) {
      return core::fail(ErrorKind::OutOfRange, "no more data");
    }
    return found.value_or(size_);  // there is a hole behind every end
  }

  [[nodiscard]] std::uint64_t blocks() const override {
    const core::MutexLock lock(mutex_);
    return (blocks_.data_bytes() + (disk_.exists() ? disk_.taken() : 0)) / kBlock;
  }

  core::Result<int> on_disk() override {
    const core::MutexLock lock(mutex_);
    TRY(all_to_disk());
    sums_.changed(0);
    return disk_.fd();
  }

  core::Result<int> settle_on_disk() override {
    const core::MutexLock lock(mutex_);
    TRY(all_to_disk());
    count_disk();
    settle();
    return disk_.fd();
  }

  [[nodiscard]] std::optional<std::uint64_t> known_crc64(model::ByteRange range) const override {
    const core::MutexLock lock(mutex_);
    return sums_.of(range);
  }

  [[nodiscard]] std::vector<core::Run> runs(model::ByteRange range) const override {
    const core::MutexLock lock(mutex_);
    const std::uint64_t on_disk = disk_.exists() ? disk_.size() : 0;
    std::vector<core::Run> runs;
    for (std::uint64_t at = range.first; at < range.last;) {
      StagedBlocks::Stretch stretch = blocks_.at(at, range.last - at);
      const bool is_zeros = stretch.here && stretch.bytes.empty();
      if (is_zeros || (!stretch.here && at + stretch.size > on_disk) || range.last > size_) {
        return {};
      }
      runs.push_back({std::move(stretch.bytes), stretch.here ? -1 : disk_.fd(), at, stretch.size});
      at += stretch.size;
    }
    blocks_.sends(range);
    return runs;
  }

  void set_aside() override {
    const core::MutexLock lock(mutex_);
    if (!is_spilling_ && !disk_.exists() && blocks_.set_aside()) {
      memory_bytes_ = blocks_.memory_bytes();
      retire();
    }
  }

  std::uint64_t spill(std::uint64_t bytes, Which which) override {
    std::vector<StagedBlocks::Leaving> leaving;
    {
      const core::MutexLock lock(mutex_);
      if (!is_spilling_) {
        leaving = blocks_.leaving(bytes, which);
      }
      if (leaving.empty() || !disk_.open()) {
        return 0;
      }
      is_spilling_ = true;
    }
    const bool written = write_out(leaving).has_value();
    const core::MutexLock lock(mutex_);
    is_spilling_ = false;
    const std::uint64_t before = blocks_.memory_bytes();
    for (const StagedBlocks::Leaving& block : leaving) {
      // What was written to meanwhile stays, and hides what now lies on the disk.
      (void)(written && blocks_.left(block));
    }
    count_disk();
    settle();
    spilt_.notify_all();
    return before - blocks_.memory_bytes();
  }
  [[nodiscard]] std::uint64_t memory_bytes() const override { return memory_bytes_; }

 private:
  void retire() REQUIRES(mutex_) {
    if (std::exchange(is_enlisted_, false)) {
      memory_->retire(this);
    }
  }

  static core::Status copy(const StagedBlocks::Stretch& stretch, int fd, std::uint64_t offset,
                           std::span<std::byte> room) {
    std::size_t found = 0;
    if (!stretch.bytes.empty()) {
      found = stretch.bytes.size();
      std::memcpy(room.data(), stretch.bytes.view().data(), found);
    } else if (!stretch.here && fd >= 0) {
      TRY_ASSIGN(found, read_staged_file(fd, offset, room));
    }
    std::fill(room.begin() + static_cast<std::ptrdiff_t>(found), room.end(), std::byte{0});
    return {};
  }

  core::Status put(std::uint64_t offset, std::span<const std::byte> data, core::BlockOffer& offer)
      REQUIRES(mutex_) {
    const bool keeps = offset % kStagedBlock == 0 && offer.is_all(data) && blocks_.is_of(offer);
    while (!data.empty()) {
      const auto count = static_cast<std::size_t>(
          std::min<std::uint64_t>(data.size(), kStagedBlock - offset % kStagedBlock));
      const std::uint64_t index = offset / kStagedBlock;
      TRY_ASSIGN(const bool in_memory, takes_block(index));
      if (in_memory && keeps && blocks_.accept(index, offer)) {
        // It is where it stays.
      } else if (in_memory && (blocks_.has(index) || blocks_.add(index))) {
        blocks_.write(offset, data.first(count));
      } else {
        TRY(disk_.open());
        TRY(disk_.write(offset, data.first(count)));
        count_disk();
      }
      offset += count;
      data = data.subspan(count);
      size_ = std::max<std::uint64_t>(size_, offset);
    }
    return {};
  }

  /// Whether that block is in memory, or may be from now on if there is any.
  core::Result<bool> takes_block(std::uint64_t index) REQUIRES(mutex_) {
    if (only_disk_) {
      return false;
    }
    if (!blocks_.has(index) && disk_.exists()) {
      TRY_ASSIGN(const auto data, disk_.seek(index * kStagedBlock, SEEK_DATA));
      if (data && *data < (index + 1) * kStagedBlock) {
        return false;
      }
    }
    if (!std::exchange(is_enlisted_, true)) {
      memory_->enlist(this, weak_from_this());
    }
    return true;
  }

  /// The next data or hole before the end.
  [[nodiscard]] core::Result<std::optional<std::uint64_t>> find(std::uint64_t at, int whence) const
      REQUIRES(mutex_) {
    while (at < size_) {
      const StagedBlocks::Stretch stretch = blocks_.at(at, size_ - at);
      std::optional<std::uint64_t> found;
      std::uint64_t end = at + stretch.size;
      if (stretch.here) {
        found = blocks_.seek(at, whence == SEEK_DATA);
        end = (at / kStagedBlock + 1) * kStagedBlock;
      } else if (disk_.exists()) {
        TRY_ASSIGN(found, disk_.seek(at, whence));
      }
      if (!found && !stretch.here && whence == SEEK_HOLE) {
        found = at;  // behind the end of what is on the disk, if there is anything
      }
      if (found && *found < std::min<std::uint64_t>(end, size_)) {
        return found;
      }
      at = end;
    }
    return std::optional<std::uint64_t>();
  }

  /// Writing there takes no more space than the file has. Holds for rewriting at the limit.
  [[nodiscard]] bool is_allocated(std::uint64_t offset, std::uint64_t length) const
      REQUIRES(mutex_) {
    if (offset + length > size_) {
      return false;
    }
    const auto hole = find(offset, SEEK_HOLE);
    return hole && hole->value_or(size_) >= offset + length;
  }

  void await_spill() REQUIRES(mutex_) {
    while (is_spilling_) {
      spilt_.wait(mutex_);
    }
  }

  /// From now on nothing is in memory, and the file on the disk is as long as the content.
  core::Status all_to_disk() REQUIRES(mutex_) {
    await_spill();
    TRY(disk_.open());
    if (only_disk_) {
      return {};
    }
    const auto leaving = blocks_.leaving(UINT64_MAX, Which::All);
    TRY(write_out(leaving));
    for (const StagedBlocks::Leaving& block : leaving) {
      CORE_CHECK(blocks_.left(block));
    }
    only_disk_ = true;
    return disk_.truncate(size_);
  }

  core::Status write_out(const std::vector<StagedBlocks::Leaving>& leaving) {
    std::vector<core::ByteView> pieces;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    for (const StagedBlocks::Leaving& block : leaving) {
      for (const model::ByteRange run : block.runs()) {
        if (run.first != end && !pieces.empty()) {
          TRY(disk_.write_directly(begin, std::exchange(pieces, {})));
        }
        begin = pieces.empty() ? run.first : begin;
        end = run.last;
        pieces.push_back(
            block.bytes.view().subspan(static_cast<std::size_t>(run.first % kStagedBlock),
                                       static_cast<std::size_t>(run.size())));
      }
    }
    return pieces.empty() ? core::Status() : disk_.write_directly(begin, pieces);
  }

  /// Others may write through on_disk().
  void count_disk() REQUIRES(mutex_) {
    if (disk_.exists()) {
      disk_bytes_ = disk_.taken();
      if (!beyond_end_) {
        // Some file systems allocate in advance beyond the end; that is not ours to pay.
        disk_bytes_ = std::min(disk_bytes_, (disk_.size() + kPage - 1) / kPage * kPage);
      }
    }
  }

  /// Charges what the file really takes, in memory and on the disk: holes are free.
  void settle() REQUIRES(mutex_) {
    const std::uint64_t taken = blocks_.data_bytes() + disk_bytes_;
    ledger_->settle(charged_, taken);
    charged_ = taken;
    memory_bytes_ = blocks_.memory_bytes();
  }

  const std::shared_ptr<StagedMemory> memory_;
  const std::shared_ptr<Ledger> ledger_;
  std::atomic<std::uint64_t> size_ = 0;
  std::atomic<std::uint64_t> memory_bytes_ = 0;
  mutable core::Mutex mutex_{core::LockRank::Staging};
  core::CondVar spilt_;
  mutable StagedBlocks blocks_ GUARDED_BY(mutex_);  ///< notes what is sent
  StagedDisk disk_;                                 ///< guarded, but for what spill() writes
  bool only_disk_ GUARDED_BY(mutex_) = false;       ///< nothing is to be in memory any more
  bool is_spilling_ GUARDED_BY(mutex_) = false;
  bool is_enlisted_ GUARDED_BY(mutex_) = false;
  PrefixSums sums_ GUARDED_BY(mutex_);
  std::uint64_t disk_bytes_ GUARDED_BY(mutex_) = 0;
  std::uint64_t charged_ GUARDED_BY(mutex_) = 0;
  bool beyond_end_ GUARDED_BY(mutex_) = false;  ///< KEEP_SIZE may have allocated there
};

class Directory final : public StagingArea {
 public:
  Directory(std::string path, std::uint64_t limit_bytes, std::uint64_t memory_bytes)
      : shared_{std::move(path), std::make_shared<Ledger>(limit_bytes),
                std::make_shared<StagedMemory>(memory_bytes)},
        spiller_(shared_.memory) {}

  core::Result<std::shared_ptr<StagedFile>> create() override {
    return std::shared_ptr<StagedFile>(std::make_shared<TemporaryFile>(shared_));
  }
  core::Result<std::shared_ptr<StagedFile>> adopt(core::UniqueFd file) override {
    auto adopted = std::make_shared<TemporaryFile>(shared_);
    adopted->adopt(std::move(file));
    return std::shared_ptr<StagedFile>(std::move(adopted));
  }
  [[nodiscard]] std::uint64_t used_bytes() const override { return shared_.ledger->used(); }
  [[nodiscard]] std::uint64_t limit_bytes() const override { return shared_.ledger->limit(); }
  [[nodiscard]] std::uint64_t memory_bytes() const override { return shared_.memory->live_bytes(); }
  [[nodiscard]] core::BlockPool& pool() override { return *shared_.memory; }
  void give_back_idle() override { shared_.memory->give_back_idle(); }

 private:
  const Shared shared_;
  const Spiller spiller_;
};

core::Status make_directory(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty() && !std::filesystem::exists(parent, ignored)) {
    TRY(make_directory(parent.string()));
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return core::os_error(errno, "make " + path);
  }
  return {};
}

/// What programs write is theirs alone: nobody else may look into the directory.
core::Status make_private(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) {
    return core::os_error(errno, "look at " + path);
  }
  if (!S_ISDIR(found.st_mode)) {
    return core::fail(ErrorKind::NotDirectory, path + " is not a directory");
  }
  if (found.st_uid != ::geteuid()) {
    return core::fail(ErrorKind::Denied, path + " belongs to another user");
  }
  if ((found.st_mode & 0077U) != 0 && ::chmod(path.c_str(), 0700) != 0) {
    return core::os_error(errno, "make private " + path);
  }
  return {};
}

}  // namespace

core::Result<std::unique_ptr<StagingArea>> StagingArea::open(const std::string& directory,
                                                             std::uint64_t limit_bytes,
                                                             bool allow_tmpfs,
                                                             std::uint64_t memory_bytes) {
  TRY(make_directory(directory));
  TRY(make_private(directory));
  struct statfs system {};
  if (::statfs(directory.c_str(), &system) != 0) {
    return core::os_error(errno, "look at " + directory);
  }
  const auto type = static_cast<std::uint64_t>(system.f_type);
  if ((type == TMPFS_MAGIC || type == RAMFS_MAGIC) && !allow_tmpfs) {
    return core::fail(ErrorKind::InvalidArgument,
                      directory +
                          " lies in memory (tmpfs): what programs write there would fill "
                          "memory and die with the machine");
  }
  if (limit_bytes == 0) {
    limit_bytes = static_cast<std::uint64_t>(system.f_bavail) *
                  static_cast<std::uint64_t>(system.f_bsize) / 10 * 8;
  }
  TRY(open_nameless(directory));  // whether that can be, now rather than when memory is full
  return std::make_unique<Directory>(directory, limit_bytes, memory_bytes);
}

}  // namespace transfer
