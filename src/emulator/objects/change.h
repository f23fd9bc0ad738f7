#pragma once
// Everything that can happen to the buckets, as values.
#include <cstdint>
#include <map>
#include <string>
#include <variant>

#include "emulator/objects/objects.h"

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

}  // namespace emulator
