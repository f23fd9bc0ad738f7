#pragma once
// What a bucket holds, as values.
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/time.h"
#include "emulator/wire/body.h"

namespace emulator {

enum class ObjectType : std::uint8_t { Normal, Multipart, Appendable, Symlink };
std::string_view to_string(ObjectType type);

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// One version of one object, or a delete marker. Immutable once stored.
struct Version {
  std::string id = "null";
  bool delete_marker = false;
  ObjectType type = ObjectType::Normal;
  Body body;
  std::uint64_t crc64 = 0;
  std::string etag;  ///< without quotes, upper case
  std::string md5;   ///< raw, for Content-MD5; empty if the body was not sent in one piece
  core::WallTime modified{};
  Pairs headers;  ///< Content-Type and its like, x-oss-meta-* in lower case
  Pairs tags;
  std::string acl = "default";
  std::string storage_class = "Standard";
  std::string symlink_target;  ///< decoded
};
using VersionPtr = std::shared_ptr<const Version>;

struct Part {
  Body body;
  std::uint64_t crc64 = 0;
  std::string etag;
  core::WallTime modified{};
};

/// A multipart upload that is neither completed nor aborted.
struct Upload {
  std::string id;
  std::string key;
  Version draft;  ///< headers, tags, ACL and class of the object to come
  core::WallTime initiated{};
  std::map<int, Part> parts;
};

enum class Versioning : std::uint8_t { Never, Enabled, Suspended };

struct BucketFacts {
  std::string name;
  core::WallTime created{};
  Versioning versioning = Versioning::Never;
  std::string acl = "private";
  std::string storage_class = "Standard";
};

struct Bucket {
  BucketFacts facts;
  std::map<std::string, std::vector<VersionPtr>, std::less<>> objects;  ///< newest version first
  std::map<std::string, Upload, std::less<>> uploads;                   ///< by id
};

}  // namespace emulator
