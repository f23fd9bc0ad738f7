#pragma once
// What the kernel's protocol and the file system say to each other.
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/op_context.h"
#include "core/result.h"
#include "core/time.h"

namespace fs {

/// Made from name and version (numbers.h), never from addresses. The root is 1.
using InodeNumber = std::uint64_t;
inline constexpr InodeNumber kRoot = 1;
using HandleId = std::uint64_t;

/// One open(2) of an inode, as the kernel names it with every call: what it means can be derived
/// from the inode where the id is not known any more.
struct FileHandle {
  InodeNumber inode = 0;
  HandleId id = 0;
};

/// Who asks, and within what bounds.
struct Request {
  core::OpContext context;
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  mode_t umask = 0;
  bool write_back = false;  ///< the kernel writes what programs changed through a map, long since
};

struct Attributes {
  InodeNumber inode = 0;
  mode_t mode = 0;  ///< type and permission bits, as st_mode
  std::uint32_t links = 1;
  uid_t uid = 0;
  gid_t gid = 0;
  dev_t device = 0;  ///< st_rdev
  std::uint64_t size = 0;
  std::uint64_t blocks = 0;  ///< of 512 bytes
  core::WallTime accessed;
  core::WallTime modified;
  core::WallTime changed;
};

struct Entry {
  Attributes attributes;
  core::Duration lifetime{0};  ///< of the name and of the attributes
};

/// What setattr changes; nothing: leave it.
struct AttributeChange {
  std::optional<mode_t> mode;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::optional<std::uint64_t> size;
  std::optional<core::WallTime> accessed;
  std::optional<core::WallTime> modified;
  /// `modified`, and nothing else, is when somebody wrote what the kernel now writes back.
  bool written = false;
  /// The kernel asks to drop set-id bits because the content or owner changes.
  bool drop_set_id = false;
};

struct Opened {
  FileHandle handle;
  bool keep_cache = false;  ///< pages that the kernel has are of this very version
  bool no_flush = false;    ///< close() needs no FLUSH: opened for reading only
  bool direct_io = false;   ///< the kernel is to keep no pages of what is read through it
};

/// What copy_file_range(2) asks for.
struct CopyRange {
  FileHandle from;
  std::uint64_t from_offset = 0;
  FileHandle to;
  std::uint64_t to_offset = 0;
  std::uint64_t length = 0;
};

struct Created {
  Entry entry;
  Opened opened;
};

struct DirectoryEntry {
  std::string name;
  std::uint64_t next_offset = 0;  ///< hand in to go on behind this entry
  /// Type bits and inode always; the rest only if `complete`.
  Attributes attributes;
  core::Duration lifetime{0};
  bool complete = false;  ///< false: the kernel must look it up itself (no lookup count taken)
};

struct SpaceInfo {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t files = 0;
};

/// How far the renaming of a directory has come.
struct TreeMove {
  std::string from;  ///< keys
  std::string to;
  std::uint64_t objects = 0;
  std::uint64_t objects_done = 0;  ///< copied
  std::uint64_t bytes = 0;
  std::uint64_t bytes_done = 0;
};

/// What is not in the bucket.
struct Unpublished {
  std::string key;
  std::uint64_t bytes = 0;
  std::string why;  ///< the last try failed; empty: none did
};

/// What an operator wants to see of the file system.
struct FileSystemStatus {
  std::uint64_t inodes = 0;
  std::uint64_t names_bytes = 0;    ///< what is remembered of names takes
  std::uint64_t nodes_bytes = 0;    ///< the inodes take, about
  std::uint64_t objects_bytes = 0;  ///< what is remembered of objects takes
  std::uint64_t open_files = 0;
  std::uint64_t dirty_files = 0;
  std::uint64_t dirty_bytes = 0;
  std::uint64_t uploads_under_way = 0;
  std::uint64_t failed_uploads = 0;       ///< files whose last upload failed and that are kept
  std::uint64_t safe_here = 0;            ///< of the dirty files: whose content outlives the daemon
  std::uint64_t deletions_under_way = 0;  ///< of names that are gone already
  std::vector<TreeMove> tree_moves;       ///< under way
  std::uint64_t conflicts = 0;            ///< files kept under a conflict name
  std::string last_error;                 ///< operation, path and what was said
  std::optional<core::WallTime> last_error_at;
};

/// Gets what readdir finds; false: no room, stop before this one.
using DirectoryFill = std::function<bool(const DirectoryEntry&)>;
/// Receives the bytes of a read; called exactly once, perhaps from another thread.
using ReadDone = std::function<void(core::Result<std::vector<core::Bytes>>)>;

}  // namespace fs
