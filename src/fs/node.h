#pragma once
// One file, directory or other thing that the kernel or a handle knows.
#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/result.h"
#include "core/time.h"
#include "fs/types.h"
#include "model/names.h"
#include "store/object_store.h"
#include "transfer/staging.h"

namespace fs {

/// What the bucket has of a node, as far as we know: its object, or a directory's marker.
struct Stored {
  model::ObjectVersion version;                 ///< its key follows our own renames
  std::optional<core::WallTime> last_modified;  ///< nothing: we wrote it and were not told
  store::ObjectType type = store::ObjectType::Normal;
  std::string content_type;
  store::ContentHeaders content;
  store::ObjectSettings settings;
  std::optional<std::uint64_t> crc64;
  store::UserMeta user;  ///< everything, that of other programs too; empty unless exact
};

/// What a node is besides its content.
struct Description {
  Attributes attributes;
  bool accessed_set = false;  ///< atime was set by somebody, so it is worth keeping
  std::map<std::string, std::string> xattrs;
  std::optional<std::string> target;  ///< of a symlink, once known
};

struct Node;
using NodePtr = std::shared_ptr<Node>;

/// Guarded by Mount::mutex, all of it. What `busy` says belongs to the thread that claimed it.
struct Node {
  explicit Node(InodeNumber n) : number(n) { about.attributes.inode = n; }

  const InodeNumber number;

  // Where it is. Keys are computed from this, so that renaming a directory renames what is below.
  NodePtr parent;  ///< none: the root, or out of the tree
  std::string name;
  model::KeyComponent component;
  std::map<std::string, NodePtr, std::less<>> children;  ///< those that somebody knows
  bool unlinked = false;  ///< by us; handles go on, nothing is uploaded
  bool gone = false;      ///< somebody else removed or replaced it

  // Who needs it.
  std::uint64_t lookups = 0;  ///< the kernel's count
  std::uint64_t handles = 0;
  std::uint64_t writers = 0;  ///< handles open for writing

  // What it is.
  Description about;
  std::optional<Stored> stored;    ///< nothing: not in the bucket, or (directories) no marker
  bool exact = true;               ///< `about` is known, not guessed from a listing
  core::SteadyTime fresh_until{};  ///< what the bucket said holds until then
  core::WallTime touched{};        ///< directories: when we last changed their names
  std::uint64_t changes = 0;       ///< directories: how often we did

  // Content that the bucket does not have yet, or that is kept for those who write.
  std::shared_ptr<transfer::StagedFile> staged;
  bool dirty = false;
  bool uploading = false;
  std::optional<core::Error> failure;  ///< of the last upload
  /// Counts foreign versions: handles of an older one must not see the bytes of a newer one.
  std::uint64_t lineage = 0;
  /// Counts every move to another object version, ours included: readers are reopened.
  std::uint64_t epoch = 0;
  model::ETag kernel_pages;  ///< the version that the kernel's page cache is of

  // What the kernel believes, until when, and whether that came from a listing.
  std::uint64_t told_size = 0;
  core::WallTime told_modified{};
  core::SteadyTime told_until{};
  bool told_listed = false;

  // Claims (claims.h).
  bool busy = false;
  unsigned sharers = 0;       ///< writes under way
  bool moving = false;        ///< a directory being renamed
  unsigned claims_below = 0;  ///< names and nodes below that somebody has claimed

  [[nodiscard]] bool is_root() const { return number == kRoot; }
  [[nodiscard]] mode_t type() const { return about.attributes.mode & S_IFMT; }
  [[nodiscard]] bool is_directory() const { return S_ISDIR(about.attributes.mode); }
  [[nodiscard]] bool is_regular() const { return S_ISREG(about.attributes.mode); }
  [[nodiscard]] bool is_symlink() const { return S_ISLNK(about.attributes.mode); }
  /// Ours alone or newer than what the bucket has: asking the bucket would tell nothing.
  [[nodiscard]] bool is_local() const {
    return unlinked || dirty || is_root() || (!is_directory() && !stored);
  }
};

}  // namespace fs
