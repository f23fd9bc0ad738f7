#pragma once
// What a file system is put together from: how it is to behave, and the parts that it works with.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/thread_pool.h"
#include "fs/types.h"
#include "model/media_types.h"
#include "store/object_store.h"

namespace state {
class Journal;
class ObjectMemory;
}  // namespace state
namespace transfer {
class Downloads;
class KeptFiles;
class ListingRoom;
class RequestRate;
class Uploads;
class StagingArea;
}  // namespace transfer

namespace fs {

/// Where attributes come from.
enum class AttributeMode : std::uint8_t {
  Exact,  ///< from the object and its POSIX metadata
  Plain,  ///< size and Last-Modified from listings; no POSIX metadata is read or written
};
/// What close() and fsync() wait for.
enum class Durability : std::uint8_t {
  Remote,  ///< the bucket has the content
  Local,   ///< it is safe on this host, and goes to the bucket in time of its own
};
/// What becomes of chmod, chown and utimens where attributes are plain.
enum class PlainChanges : std::uint8_t { Refuse, Ignore };

/// What link(2) does: a bucket has no second name for one object.
enum class HardLinks : std::uint8_t {
  Refuse,
  Copy,  ///< the new name gets a copy, which shares nothing from then on
};

struct Options {
  std::string prefix;  ///< "" or "a/b/": the part of the bucket that is the root
  bool read_only = false;
  AttributeMode attributes = AttributeMode::Exact;
  PlainChanges plain_changes = PlainChanges::Refuse;
  HardLinks hard_links = HardLinks::Refuse;
  Durability durability = Durability::Remote;  ///< Local needs Parts::journal and Parts::kept
  bool direct_io = false;  ///< files opened for reading stay out of the kernel's page cache
  core::Duration metadata_lifetime = std::chrono::seconds{1};
  std::uint64_t names_bytes = 192ULL << 20U;   ///< what is remembered of names, at most
  std::uint64_t nodes_bytes = 0;               ///< of inodes that the kernel knows; 0: no bound
  std::uint64_t objects_bytes = 96ULL << 20U;  ///< what is remembered of objects, at most
  /// Directories that nothing in the bucket shows (paths within the mount, no slashes around).
  std::vector<std::string> assumed_directories;
  uid_t uid = 0;  ///< the mounting user: owner of objects without metadata
  gid_t gid = 0;
  mode_t umask = 0;
  mode_t file_mode = 0644;
  mode_t directory_mode = 0755;
  std::string host_name = "localhost";  ///< in conflict names
  /// What new objects are called.
  std::shared_ptr<const model::MediaTypes> media_types =
      std::make_shared<const model::MediaTypes>();
  /// Of the URL that user.oss.signed-url shows; zero: there is no such attribute.
  core::Duration signed_url_lifetime{0};
};

/// What the file system has to tell the kernel unasked. Threads: any; nothing of ours is locked.
class KernelCache {
 public:
  virtual ~KernelCache() = default;
  /// Whatever the kernel holds of the inode's bytes is worthless. Blocks while the kernel still
  /// waits for some of them: not before such a read was answered.
  virtual void forget_pages(InodeNumber inode) = 0;
  /// That the directory has this name, and with that the inode, unless something else holds it.
  /// Blocks while the kernel waits for an answer about the directory.
  virtual void forget_name(InodeNumber directory, const std::string& name) = 0;
};

/// The parts it is put together from; all outlive it.
struct Parts {
  store::ObjectStore& store;
  transfer::Downloads& downloads;
  transfer::Uploads& uploads;
  transfer::StagingArea& staging;
  core::Clock& clock;
  core::Metrics& metrics;
  core::ThreadPool& pool;  ///< for requests side by side; not the pool that runs FileSystem calls
  state::ObjectMemory* memory = nullptr;          ///< of what was learnt before; none: begins anew
  transfer::RequestRate* rate = nullptr;          ///< of requests that run ahead; none: no bound
  transfer::ListingRoom* listing_room = nullptr;  ///< for pages that run ahead; none: no bound
  state::Journal* journal = nullptr;              ///< of content that is safe here; none: none is
  transfer::KeptFiles* kept = nullptr;            ///< where that content lies; with the journal
};

}  // namespace fs
