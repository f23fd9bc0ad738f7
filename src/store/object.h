#pragma once
// An object as values: what a bucket tells of it, and what a write is to make of it.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/time.h"
#include "model/object_key.h"
#include "store/signed_url.h"

namespace store {

enum class ObjectType : std::uint8_t { Normal, Multipart, Appendable, Symlink };

/// x-oss-meta-* (x-amz-meta-*) without the prefix; names in lower case, values as they stand in the
/// headers.
using UserMeta = std::map<std::string, std::string>;

/// What whoever made an object said of its bytes, in HTTP's words; each empty where nothing was.
struct ContentHeaders {
  std::string encoding{};
  std::string language{};
  std::string disposition{};
  std::string cache_control{};
  std::string expires{};
  friend bool operator==(const ContentHeaders&, const ContentHeaders&) = default;
};

using Tags = std::vector<NamedValue>;
/// Who may do what, as headers that grant it, without the dialect's prefix: {"object-acl",
/// "private"}. Empty: what the bucket says.
using Acl = std::vector<NamedValue>;

/// How a service keeps an object, in the service's words; each empty where it is the bucket's way.
/// A look at an object tells neither its ACL nor what its tags are.
struct ObjectSettings {
  std::string storage_class{};
  std::string encryption{};       ///< "AES256", "KMS", "aws:kms"
  std::string encryption_key{};   ///< id of the key of a KMS
  std::string data_encryption{};  ///< OSS: the method that such a key is used with
  std::optional<Acl> acl{};       ///< nothing: not known
  std::optional<Tags> tags{};     ///< nothing: there are some
  model::ObjectKey origin{};  ///< the object that has them: whatever is not known is asked there
  friend bool operator==(const ObjectSettings&, const ObjectSettings&) = default;
};

struct ObjectMeta {
  std::uint64_t size = 0;
  model::ETag etag;
  core::WallTime last_modified;
  ObjectType type = ObjectType::Normal;
  std::string content_type;
  ContentHeaders content;
  ObjectSettings settings;
  std::string version_id;
  std::optional<std::uint64_t> crc64;
  UserMeta user;
  /// The service's own time of this answer. A change within the same second, or the next, as the
  /// one that Last-Modified tells of would show no other Last-Modified.
  std::optional<core::WallTime> served_at;
};

/// What an object becomes besides its bytes.
struct ObjectAttributes {
  std::string content_type = "application/octet-stream";
  UserMeta user{};
  ContentHeaders content{};
  /// Those of the object that is rewritten. Nothing: a new object, kept as the store is told to
  /// keep new ones.
  std::optional<ObjectSettings> settings{};
};

}  // namespace store
