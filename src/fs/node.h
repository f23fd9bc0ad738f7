#pragma once
// One file, directory or other thing that the kernel or a handle knows. Its sides are separate:
// where it is, who needs it, what it is, which version the bucket has, what was written and is not
// there yet, what the kernel believes, who works on it.
//
// A node stands for one version of an object and for what this mount made of it. Where somebody
// else has published another version the name gets another node, and this one is out of the tree:
// so nothing that the kernel holds for one inode can come from two versions.
#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>

#include "cache/key_index.h"
#include "core/result.h"
#include "core/time.h"
#include "fs/draft.h"
#include "fs/types.h"
#include "model/names.h"
#include "store/object_store.h"

namespace fs {

/// What the bucket has of a node: its object, or a directory's marker.
struct Stored {
  store::ObjectMeta meta;
  std::string key;    ///< follows our own renames
  bool dated = true;  ///< false: we wrote it and were not told Last-Modified
  bool whole = true;  ///< false: from a listing, which shows no metadata
  /// Last-Modified was old enough when we asked to tell this state from any later one.
  bool settled = false;

  /// Is this what a listing's row or another answer tells of?
  [[nodiscard]] bool is_same_state(std::string_view etag, core::WallTime last_modified) const {
    return settled && dated && meta.etag.text() == etag && meta.last_modified == last_modified;
  }
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

/// Where a node is. Keys are computed from this, so that renaming a directory renames what is
/// below.
struct Place {
  NodePtr parent;  ///< none: the root, or out of the tree
  std::string name;
  model::KeyComponent component;
  /// Those that somebody knows, by their own `name`.
  std::unordered_map<std::string_view, NodePtr> children;
  std::uint32_t directories = 0;           ///< among them
  std::uint64_t unpublished_below = 0;     ///< nodes below whose content is not in the bucket
  bool unlinked = false;                   ///< by us; handles go on, nothing is uploaded
  bool gone = false;                       ///< somebody else removed or replaced it
  core::WallTime touched{};                ///< directories: when we last changed their names
  std::uint64_t changes = 0;               ///< directories: how often we did
  cache::KeyIndex::Ticket changed_at = 0;  ///< directories: the ticket of our last change
};

/// Who needs a node.
struct Uses {
  std::uint64_t lookups = 0;  ///< the kernel's count
  std::uint64_t handles = 0;
  std::uint64_t writers = 0;  ///< handles open for writing
};

/// What the kernel believes, until when.
struct Told {
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  std::uint64_t size = 0;
  core::WallTime modified{};
  core::SteadyTime until{};
};

/// Who works on a node (claims.h).
struct Claimed {
  bool busy = false;
  unsigned sharers = 0;  ///< writes under way
  bool moving = false;   ///< a directory being renamed
  unsigned below = 0;    ///< names and nodes below that somebody has claimed
  /// Ends the work of who claimed it in the background, for whoever comes.
  std::shared_ptr<std::stop_source> gives_way;
};

/// Guarded by Mount::mutex, all of it. What `claimed.busy` says belongs to the thread that claimed
/// it.
struct Node {
  Node(InodeNumber n, Description d) : number(n), about(std::move(d)) {
    about.attributes.inode = n;
  }

  const InodeNumber number;
  Place place;
  Uses uses;
  Description about;
  std::optional<Stored> stored;  ///< nothing: not in the bucket, or (directories) no marker
  Draft draft;
  Told told;
  Claimed claimed;

  core::SteadyTime fresh_until{};  ///< what the bucket said holds until then
  /// Counts our own changes of it: whoever asked the bucket before one knows less than we do.
  std::uint64_t revision = 0;
  bool damaged = false;  ///< the kernel may hold bytes whose sum was wrong

  [[nodiscard]] bool is_root() const { return number == kRoot; }
  [[nodiscard]] mode_t type() const { return about.attributes.mode & S_IFMT; }
  [[nodiscard]] bool is_directory() const { return S_ISDIR(about.attributes.mode); }
  [[nodiscard]] bool is_regular() const { return S_ISREG(about.attributes.mode); }
  [[nodiscard]] bool is_symlink() const { return S_ISLNK(about.attributes.mode); }
  /// Nobody finds it by a name any more.
  [[nodiscard]] bool is_out_of_tree() const { return place.unlinked || place.gone; }
  /// Ours alone, or newer than what the bucket has: asking the bucket would tell nothing.
  [[nodiscard]] bool is_local() const {
    return is_out_of_tree() || draft.unpublished() || is_root() || (!is_directory() && !stored);
  }
};

}  // namespace fs
