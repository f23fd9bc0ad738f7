#pragma once
// What the parts of one mounted file system share: the tree and its lock, the handles, the caches.
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "cache/key_index.h"
#include "core/mutex.h"
#include "fs/drafts.h"
#include "fs/inode_table.h"
#include "fs/learnt.h"
#include "fs/metrics.h"
#include "fs/node.h"
#include "fs/options.h"
#include "transfer/listings.h"

namespace fs {

struct OpenFile;
struct OpenDirectory;

/// One lock guards everything in memory and is never held across the store, the staging area or a
/// reply, nor while a directory is walked; what needs several steps claims its nodes first
/// (claims.h).
struct Mount {
  Mount(Options o, Parts p);
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;
  ~Mount();

  const Options options;
  const Parts parts;
  const Counters counters;
  std::atomic<bool> closing = false;  ///< nothing new is taken any more: the mount ends
  cache::KeyIndex names;
  Learnt learnt;

  mutable core::Mutex mutex{core::LockRank::Namespace};
  core::CondVar changed;  ///< claims were released, uploads ended, directory handles were freed
  InodeTable table GUARDED_BY(mutex);
  Drafts drafts;
  std::unordered_map<HandleId, std::shared_ptr<OpenFile>> files GUARDED_BY(mutex);
  std::unordered_map<HandleId, std::shared_ptr<OpenDirectory>> directories GUARDED_BY(mutex);
  HandleId next_handle GUARDED_BY(mutex) = 1;
  std::set<std::pair<InodeNumber, std::string>> claimed_names GUARDED_BY(mutex);
  bool renaming_across GUARDED_BY(mutex) = false;
  /// Both names of a rename under way. What the bucket shows under them beside the node itself are
  /// copies half made or half removed, so no lookup may make a node of them.
  std::set<std::pair<InodeNumber, std::string>> transits GUARDED_BY(mutex);
  /// Names that were taken away and whose objects have not gone yet (deletions.h).
  std::set<std::pair<InodeNumber, std::string>> leaving GUARDED_BY(mutex);
  /// Directories that are being renamed, in the order in which that began.
  std::map<std::uint64_t, TreeMove> tree_moves GUARDED_BY(mutex);
  std::uint64_t tree_moves_begun GUARDED_BY(mutex) = 0;
  /// Counts renames of directories: a key computed before one is no key any more.
  std::uint64_t moves GUARDED_BY(mutex) = 0;
  std::uint64_t made GUARDED_BY(mutex) = 0;  ///< counts new files
  std::string last_error GUARDED_BY(mutex);
  std::optional<core::WallTime> last_error_at GUARDED_BY(mutex);

  [[nodiscard]] core::SteadyTime now() const { return parts.clock.steady_now(); }
  [[nodiscard]] core::SteadyTime fresh_from_now() const {
    return now() + options.metadata_lifetime;
  }
  /// When a page of a listing is asked for.
  [[nodiscard]] transfer::Listing::Stamp stamp() const {
    return [this] { return transfer::Listing::Asked{now(), names.ticket()}; };
  }
  [[nodiscard]] bool local() const { return options.durability == Durability::Local; }
  [[nodiscard]] bool plain() const { return options.attributes == AttributeMode::Plain; }

  /// The node of a number. Errors: Changed.
  core::Result<NodePtr> node(InodeNumber number) const REQUIRES(mutex) {
    return table.find(number);
  }
  /// The same for a directory. Errors: NotDirectory, Changed; NotFound if it was removed.
  core::Result<NodePtr> directory(InodeNumber number) const REQUIRES(mutex);
  core::Result<std::string> key(const Node& node) const REQUIRES(mutex) {
    return key_of(node, options.prefix);
  }
  /// What a read or a copy of the node's object is pinned to. The node is stored.
  model::ObjectVersion version_of(const Node& node) const REQUIRES(mutex);
  /// A number for what now gets the key and has this ETag; not taken by any node.
  InodeNumber free_number(const std::string& key, const model::ETag& etag) const REQUIRES(mutex);

  /// The same for what is not in the bucket yet, and like no number before it.
  InodeNumber new_number(const std::string& key) REQUIRES(mutex);

  /// What programs see of a node.
  Attributes shown(const Node& node) const REQUIRES(mutex);
  /// The same for the kernel, with how long to believe it. Only for what is really told.
  Entry entry_of(Node& node) REQUIRES(mutex);

  [[nodiscard]] bool in_transit(const Node& directory, std::string_view name) const
      REQUIRES(mutex) {
    return (!transits.empty() && transits.contains({directory.number, std::string(name)})) ||
           is_leaving(directory, name);
  }
  [[nodiscard]] bool is_leaving(const Node& directory, std::string_view name) const
      REQUIRES(mutex) {
    return !leaving.empty() && leaving.contains({directory.number, std::string(name)});
  }
  /// Waits for `changed`. Errors: Timeout, Cancelled.
  core::Status wait(const core::OpContext& context) REQUIRES(mutex);

  /// The one thing to call when we changed a name: everything remembered of it is void.
  void name_changed(Node& directory, const std::string& name, const model::KeyComponent& component)
      REQUIRES(mutex);
  /// The same for the name of a node; nothing where it has none any more.
  void name_changed(const Node& node) REQUIRES(mutex);
  /// The bucket has contradicted what is known of a node: the next look asks.
  void doubt(Node& node) REQUIRES(mutex);
  /// Notes what a node is and by which number the kernel knows it, for the next time.
  void remember(const Node& node) REQUIRES(mutex);
  void remember(const Node& node, const std::string& own_key) REQUIRES(mutex);
  void touch(Node& directory) REQUIRES(mutex);
  /// Lets a node's staged file go where nobody needs it; not while somebody works on it.
  void settle_draft(const NodePtr& node) REQUIRES(mutex);
  /// Undoes a lookup count that the kernel will not learn of.
  void uncount(const NodePtr& node) REQUIRES(mutex);

  /// Logs a failure that its own caller may not see, and shows it in status.
  void report(std::string_view operation, const std::string& path, const core::Error& error)
      EXCLUDES(mutex);
};

/// Wakes Mount::wait when the operation is told to stop. Make it before locking.
class Waker {
 public:
  Waker(Mount& mount, const core::OpContext& context) : callback_(context.stop, Wake{&mount}) {}

 private:
  struct Wake {
    Mount* mount;
    void operator()() const {
      const core::MutexLock lock(mount->mutex);
      mount->changed.notify_all();
    }
  };
  std::stop_callback<Wake> callback_;
};

/// Errors: ReadOnly.
core::Status check_writable(const Mount& mount);

}  // namespace fs
