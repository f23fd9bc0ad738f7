#pragma once
// How the objects survive: with a data folder, every change is appended to one log before it is
// applied to the buckets in memory. Starting is applying the log again.
#include <cstdint>
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"
#include "emulator/objects/change.h"

namespace emulator {

/// The log. One record: length (u32), CRC-64 (u64), the change's bytes; little endian.
/// A record that is torn or damaged ends the log: it is cut off there, as kill -9 can leave it.
/// Threads: one at a time.
class Journal {
 public:
  /// Applies `path` to `buckets` and opens it for appending; rewrites it first if most of it is
  /// outdated. Errors: the file system's.
  static core::Result<Journal> open(const std::string& path, const BlobStore& blobs,
                                    Buckets& buckets);
  /// Errors: the disk's; the change then did not happen.
  core::Status append(const Change& change);

 private:
  Journal(core::UniqueFd fd, std::uint64_t size) : fd_(std::move(fd)), size_(size) {}
  core::UniqueFd fd_;
  std::uint64_t size_;  ///< bytes of whole records
};

}  // namespace emulator
