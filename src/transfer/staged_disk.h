#pragma once
// What one staged file has on the disk: a file without a name, made when it is first needed.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace transfer {

/// Makes a file without a name: gone with its last descriptor, also after a crash.
core::Result<core::UniqueFd> open_nameless(const std::string& directory);

/// Sparse; shorter than the content where that ends in zeros, or lies elsewhere.
/// Threads: one at a time; read() any, with writers.
class StagedDisk {
 public:
  explicit StagedDisk(std::string directory) : directory_(std::move(directory)) {}

  /// Makes the file, unless it is there.
  core::Status open();
  /// Has that file from now on.
  void adopt(core::UniqueFd file);
  [[nodiscard]] bool exists() const { return fd_.valid(); }
  /// -1 before open().
  [[nodiscard]] int fd() const { return fd_.get(); }

  // All below after open().

  core::Status write(std::uint64_t offset, std::span<const std::byte> data);
  /// The same with `pieces` one behind the other, around the page cache where the system can. All
  /// of them and `offset` in whole pages.
  core::Status write_directly(std::uint64_t offset, const std::vector<core::ByteView>& pieces);
  core::Status truncate(std::uint64_t size);
  /// As fallocate(2), mode and all.
  core::Status allocate(int mode, std::uint64_t offset, std::uint64_t length);
  /// As lseek(2); nothing where that says ENXIO.
  [[nodiscard]] core::Result<std::optional<std::uint64_t>> seek(std::uint64_t offset,
                                                                int whence) const;
  [[nodiscard]] std::uint64_t size() const;
  /// Bytes that it takes.
  [[nodiscard]] std::uint64_t taken() const;

 private:
  const std::string directory_;
  core::UniqueFd fd_;
  core::UniqueFd direct_;  ///< the same file without the page cache; none where that cannot be
};

/// Shape: fewer bytes than asked only at the end of the file.
core::Result<std::size_t> read_staged_file(int fd, std::uint64_t offset,
                                           std::span<std::byte> buffer);

}  // namespace transfer
