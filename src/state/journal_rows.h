#pragma once
// What the journal holds, as values.
#include <cstdint>
#include <string>
#include <vector>

#include "state/remembered.h"

namespace state {

/// Whose journal it is. What was not uploaded to one bucket is never uploaded to another.
struct Identity {
  std::string dialect;  ///< "oss" or "s3"
  std::string endpoint;
  std::string bucket;
  std::string prefix;
  std::string host;
  friend bool operator==(const Identity&, const Identity&) = default;
};
/// "oss://bucket/prefix at endpoint, of host".
std::string describe(const Identity& identity);

/// Content that a program was told is safe, and that the bucket does not have.
struct KeptFile {
  std::uint64_t number = 0;  ///< never used twice
  std::uint64_t size = 0;
  bool inside = false;  ///< the journal has it; else it lies in a file of that number
  /// Key, inode and what the object is to have besides its content.
  Remembered wanted;
  /// The version that it replaces; an empty ETag: nothing.
  Remembered base;
  /// Versions that uploads may have made of content before, whose answers were lost.
  std::vector<Remembered> sent;
  std::uint64_t tries = 0;  ///< uploads that failed
  std::string error;        ///< of the last
  friend bool operator==(const KeptFile&, const KeptFile&) = default;
};

/// A part that the service has.
struct KeptPart {
  std::uint64_t number = 0;  ///< 1 to 10,000
  std::uint64_t first = 0;
  std::uint64_t last = 0;  ///< exclusive
  std::uint64_t crc64 = 0;
  std::string etag;
  friend bool operator==(const KeptPart&, const KeptPart&) = default;
};

/// A multipart upload of ours that is neither completed nor aborted, as far as we know.
struct KeptUpload {
  std::string key;
  std::string id;
  std::string attributes;  ///< that it was begun with: a digest, of no meaning to this room
  std::vector<KeptPart> parts;
  friend bool operator==(const KeptUpload&, const KeptUpload&) = default;
};

}  // namespace state
