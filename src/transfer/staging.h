#pragma once
// Where bytes lie that programs have written and the bucket does not have yet.
#include <atomic>
#include <memory>
#include <span>
#include <string>

#include "core/blocks.h"
#include "core/result.h"
#include "core/unique_fd.h"
#include "store/object_store.h"

namespace transfer {

class StagedFile;

/// The staging directory of one mount and its limit.
/// Threads: any.
class StagingArea {
 public:
  static constexpr std::uint64_t kSomeMemory = std::uint64_t{32} << 20U;
  /// Shape: `limit_bytes`, in memory and on the disk, 0 means 80 % of what is free now. Of that at
  /// most `memory_bytes` lie in memory, in blocks of 1 MiB; the disk has what does not fit.
  /// Errors: the directory cannot be made or written; it lies on a tmpfs and that was not allowed.
  static core::Result<std::unique_ptr<StagingArea>> open(const std::string& directory,
                                                         std::uint64_t limit_bytes,
                                                         bool allow_tmpfs,
                                                         std::uint64_t memory_bytes = kSomeMemory);
  virtual ~StagingArea() = default;

  /// An empty file without a name: gone with its last owner, also after a crash. Takes nothing of
  /// the disk until memory is short.
  virtual core::Result<std::shared_ptr<StagedFile>> create() = 0;
  /// What an earlier process staged, counted against the limit whatever that comes to.
  virtual core::Result<std::shared_ptr<StagedFile>> adopt(core::UniqueFd file) = 0;
  [[nodiscard]] virtual std::uint64_t used_bytes() const = 0;
  [[nodiscard]] virtual std::uint64_t limit_bytes() const = 0;
  /// Of the blocks in memory.
  [[nodiscard]] virtual std::uint64_t memory_bytes() const = 0;
  /// Where bytes best arrive that are to be written: they stay there.
  [[nodiscard]] virtual core::BlockPool& pool() = 0;
  /// Gives back to the system what was free since the last call.
  virtual void give_back_idle() = 0;
};

/// The whole present content of one file, local. Sparse.
/// Threads: any; concurrent writes to the same range are the caller's to order.
class StagedFile : public store::Source {
 public:
  /// Errors: NoSpace at the staging limit or on a full disk; TooLarge.
  virtual core::Status write(std::uint64_t offset, std::span<const std::byte> data) = 0;
  /// The same with bytes that are all of a block, which may be kept.
  virtual core::Status write_block(std::uint64_t offset, std::span<const std::byte> data,
                                   core::BlockOffer& /*offer*/) {
    return write(offset, data);
  }
  virtual core::Status truncate(std::uint64_t size) = 0;
  /// As fallocate(2): mode 0, KEEP_SIZE, PUNCH_HOLE|KEEP_SIZE, ZERO_RANGE[|KEEP_SIZE]; others are
  /// Unsupported.
  virtual core::Status allocate(int mode, std::uint64_t offset, std::uint64_t length) = 0;
  /// As lseek(2) with SEEK_DATA or SEEK_HOLE. Errors: OutOfRange where lseek says ENXIO.
  [[nodiscard]] virtual core::Result<std::uint64_t> seek(std::uint64_t offset,
                                                         int whence) const = 0;
  /// The file on the disk that has all content, and whatever is written from now on. Who writes
  /// through it tells of that by truncate().
  /// Errors: NoSpace, Io.
  virtual core::Result<int> on_disk() = 0;
  /// The same for who only reads through it, names it or waits for it to be written.
  virtual core::Result<int> settle_on_disk() = 0;
  /// Content that is little and stays as it is for a while: takes no more memory than it needs.
  virtual void set_aside() {}
  /// Blocks of 512 bytes in use, for st_blocks.
  [[nodiscard]] virtual std::uint64_t blocks() const = 0;
};

}  // namespace transfer
