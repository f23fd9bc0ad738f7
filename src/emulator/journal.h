#pragma once
// How the objects survive: every change is a value that is applied to the buckets in memory and,
// with a data folder, appended to one log first. Starting is applying the log again.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "core/result.h"
#include "core/unique_fd.h"
#include "emulator/objects.h"

namespace emulator {

using Buckets = std::map<std::string, Bucket, std::less<>>;

struct PutBucketChange {
  BucketFacts facts;
};
struct DropBucketChange {
  std::string bucket;
};
/// Replaces the version of that id, in its place if `in_place`, else in front of the others.
struct PutVersionChange {
  std::string bucket;
  std::string key;
  VersionPtr version;
  bool in_place = false;
};
struct DropVersionChange {
  std::string bucket;
  std::string key;
  std::string id;
};
/// `parts` are not recorded: each comes with a change of its own.
struct PutUploadChange {
  std::string bucket;
  Upload upload;
};
struct PutPartChange {
  std::string bucket;
  std::string upload_id;
  int number = 0;
  Part part;
};
struct DropUploadChange {
  std::string bucket;
  std::string upload_id;
};
/// `count` objects PREFIX00000000… of `size` bytes each.
struct FillChange {
  std::string bucket;
  std::string prefix;
  std::uint64_t count = 0;
  std::uint64_t size = 0;
  core::WallTime modified{};
};
/// Only what comes on top, so that many small appends do not write the whole object each time.
struct AppendChange {
  std::string bucket;
  std::string key;
  Body more;
  std::uint64_t crc64 = 0;  ///< of the whole, as are the following
  std::string etag;
  core::WallTime modified{};
};
using Change =
    std::variant<PutBucketChange, DropBucketChange, PutVersionChange, DropVersionChange,
                 PutUploadChange, PutPartChange, DropUploadChange, FillChange, AppendChange>;

void apply(Buckets& buckets, const Change& change);

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
