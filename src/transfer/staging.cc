#include "transfer/staging.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "core/check.h"
#include "core/format.h"
#include "core/mutex.h"
#include "core/os_error.h"
#include "transfer/prefix_sums.h"

namespace transfer {
namespace {

using core::ErrorKind;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kBlock = 512;  // of st_blocks
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

class TemporaryFile final : public StagedFile {
 public:
  TemporaryFile(core::UniqueFd fd, std::shared_ptr<Ledger> ledger)
      : fd_(std::move(fd)), ledger_(std::move(ledger)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() override {
    const core::MutexLock lock(mutex_);
    ledger_->settle(charged_, 0);
  }

  [[nodiscard]] std::uint64_t size() const override {
    return static_cast<std::uint64_t>(stat().st_size);
  }

  core::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) const override {
    std::size_t done = 0;
    while (done < buffer.size() && offset + done <= kMostOffset) {
      const ssize_t n = ::pread(fd_.get(), buffer.data() + done, buffer.size() - done,
                                static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n < 0) {
        return core::os_error(errno, "read staged bytes");
      }
      if (n == 0) {
        break;
      }
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  core::Status write(std::uint64_t offset, std::span<const std::byte> data) override {
    if (data.empty()) {
      return {};
    }
    TRY(check_reach(offset, data.size()));
    const core::MutexLock lock(mutex_);
    if (!ledger_->has_room(data.size()) && !is_allocated(offset, data.size())) {
      return past_the_limit(*ledger_);
    }
    core::Status status = write_all(offset, data);
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
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
      return core::os_error(errno, "truncate staged file");
    }
    sums_.changed(size);
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
    sums_.changed(offset);
    core::Status status = fallocate(mode, offset, length);
    if (!status && kind == FALLOC_FL_ZERO_RANGE && status.error().kind == ErrorKind::Unsupported) {
      // tmpfs, for one, has no such mode; a hole reads as zeros too.
      status = fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
      if (status && !keep && size() < offset + length &&
          ::ftruncate(fd_.get(), static_cast<off_t>(offset + length)) != 0) {
        status = core::os_error(errno, "extend staged file");
      }
    }
    beyond_end_ = beyond_end_ || (keep && !punches);
    settle();
    return status;
  }

  [[nodiscard]] core::Result<std::uint64_t> seek(std::uint64_t offset, int whence) const override {
    if (whence != SEEK_DATA && whence != SEEK_HOLE) {
      return core::fail(ErrorKind::InvalidArgument, "neither SEEK_DATA nor SEEK_HOLE");
    }
    if (offset > kMostOffset) {
      return core::fail(ErrorKind::OutOfRange, "past the end");
    }
    const off_t at = ::lseek(fd_.get(), static_cast<off_t>(offset), whence);
    if (at < 0 && errno == ENXIO) {
      return core::fail(ErrorKind::OutOfRange, "past the end, or no more data");
    }
    if (at < 0) {
      return core::os_error(errno, "seek in staged file");
    }
    return static_cast<std::uint64_t>(at);
  }

  [[nodiscard]] std::uint64_t blocks() const override {
    return static_cast<std::uint64_t>(stat().st_blocks);
  }
  [[nodiscard]] int fd() const override { return fd_.get(); }
  [[nodiscard]] std::optional<std::uint64_t> known_crc64(model::ByteRange range) const override {
    const core::MutexLock lock(mutex_);
    return sums_.of(range);
  }

 private:
  core::Status write_all(std::uint64_t offset, std::span<const std::byte> data) {
    while (!data.empty()) {
      const ssize_t n = ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n < 0) {
        return core::os_error(errno, "write staged bytes");
      }
      offset += static_cast<std::uint64_t>(n);
      data = data.subspan(static_cast<std::size_t>(n));
    }
    return {};
  }

  [[nodiscard]] struct stat stat() const {
    struct stat result {};
    CORE_CHECK(::fstat(fd_.get(), &result) == 0);
    return result;
  }

  core::Status fallocate(int mode, std::uint64_t offset, std::uint64_t length) {
    for (;;) {
      if (::fallocate(fd_.get(), mode, static_cast<off_t>(offset), static_cast<off_t>(length)) ==
          0) {
        return {};
      }
      if (errno != EINTR) {
        return core::os_error(errno, "allocate staged space");
      }
    }
  }

  /// Writing there takes no more space than the file has. Holds for rewriting at the limit.
  [[nodiscard]] bool is_allocated(std::uint64_t offset, std::uint64_t length) const {
    const off_t hole = ::lseek(fd_.get(), static_cast<off_t>(offset), SEEK_HOLE);
    return hole >= 0 && static_cast<std::uint64_t>(hole) >= offset + length;
  }

  /// Charges what the file really takes: holes are free, and others may write through fd().
  void settle() REQUIRES(mutex_) {
    const struct stat now = stat();
    std::uint64_t taken = static_cast<std::uint64_t>(now.st_blocks) * kBlock;
    if (!beyond_end_) {
      // Some file systems allocate in advance beyond the end; that is not ours to pay.
      taken =
          std::min(taken, (static_cast<std::uint64_t>(now.st_size) + kPage - 1) / kPage * kPage);
    }
    ledger_->settle(charged_, taken);
    charged_ = taken;
  }

  const core::UniqueFd fd_;
  const std::shared_ptr<Ledger> ledger_;
  mutable core::Mutex mutex_{core::LockRank::Staging};
  PrefixSums sums_ GUARDED_BY(mutex_);
  std::uint64_t charged_ GUARDED_BY(mutex_) = 0;
  bool beyond_end_ GUARDED_BY(mutex_) = false;  ///< KEEP_SIZE may have allocated there
};

class Directory final : public StagingArea {
 public:
  Directory(std::string path, std::uint64_t limit_bytes)
      : path_(std::move(path)), ledger_(std::make_shared<Ledger>(limit_bytes)) {}

  core::Result<std::shared_ptr<StagedFile>> create() override {
    core::UniqueFd fd(::open(path_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!fd.valid() && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
      std::string name = path_ + "/staged.XXXXXX";
      fd.reset(::mkostemp(name.data(), O_CLOEXEC));
      if (fd.valid() && ::unlink(name.c_str()) != 0) {
        return core::os_error(errno, "unlink " + name);
      }
    }
    if (!fd.valid()) {
      return core::os_error(errno, "create a staging file in " + path_);
    }
    return std::shared_ptr<StagedFile>(std::make_shared<TemporaryFile>(std::move(fd), ledger_));
  }
  [[nodiscard]] std::uint64_t used_bytes() const override { return ledger_->used(); }
  [[nodiscard]] std::uint64_t limit_bytes() const override { return ledger_->limit(); }

 private:
  const std::string path_;
  const std::shared_ptr<Ledger> ledger_;
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
                                                             bool allow_tmpfs) {
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
  auto area = std::make_unique<Directory>(directory, limit_bytes);
  TRY(area->create());  // now rather than at the first write
  return std::unique_ptr<StagingArea>(std::move(area));
}

}  // namespace transfer
