#include "fs/file_system.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include "core/task_group.h"
#include "fs/ahead.h"
#include "fs/attributes.h"
#include "fs/bucket.h"
#include "fs/content.h"
#include "fs/creation.h"
#include "fs/crowd.h"
#include "fs/deletions.h"
#include "fs/directories.h"
#include "fs/files.h"
#include "fs/lookup.h"
#include "fs/mount.h"
#include "fs/pending.h"
#include "fs/removal.h"
#include "fs/renaming.h"
#include "transfer/staging.h"

namespace fs {
namespace {

using core::ErrorKind;

constexpr std::uint64_t kMostLinkBytes = 4096;
// Each may wait for a claim whose holder needs the pool as well: far fewer than it has threads.
constexpr std::size_t kPublishedAtOnce = 32;
constexpr core::Duration kPatienceToKeep = std::chrono::seconds{10};

/// Collects a link's body.
class TextSink final : public store::Sink {
 public:
  core::Status on_data(core::ByteView data) override {
    text += core::as_text(data);
    return {};
  }
  std::string text;
};

/// Passes each call to the part that knows about it.
class BucketFileSystem final : public FileSystem {
 public:
  BucketFileSystem(Options options, Parts parts) : mount_(std::move(options), parts) {}

  core::Result<Entry> lookup(const Request& request, InodeNumber parent,
                             std::string_view name) override {
    if (name == "." || name == "..") {
      return lookup_by_number(request, parent, name == "..");
    }
    NodePtr directory;
    {
      const core::MutexLock lock(mount_.mutex);
      TRY_ASSIGN(directory, mount_.directory(parent));
    }
    TRY_ASSIGN(const NodePtr node, lookup_.find_counted(request.context, directory, name));
    const core::MutexLock lock(mount_.mutex);
    return mount_.entry_of(*node);
  }
  void forget(InodeNumber inode, std::uint64_t count) override {
    const core::MutexLock lock(mount_.mutex);
    if (const auto node = mount_.node(inode)) {
      std::uint64_t& lookups = (*node)->uses.lookups;
      lookups -= std::min(count, lookups);
      mount_.table.drop_if_unused(*node);
    }
  }
  core::Result<Entry> mknod(const Request& request, InodeNumber parent, std::string_view name,
                            mode_t mode, dev_t device) override {
    return creation_.mknod(request, parent, name, mode, device);
  }
  core::Result<Entry> mkdir(const Request& request, InodeNumber parent, std::string_view name,
                            mode_t mode) override {
    return creation_.mkdir(request, parent, name, mode);
  }
  core::Result<Entry> symlink(const Request& request, InodeNumber parent, std::string_view name,
                              std::string_view target) override {
    return creation_.symlink(request, parent, name, target);
  }
  core::Result<std::string> readlink(const Request& request, InodeNumber inode) override;
  core::Status unlink(const Request& request, InodeNumber parent, std::string_view name) override {
    return removal_.unlink(request, parent, name);
  }
  core::Status rmdir(const Request& request, InodeNumber parent, std::string_view name) override {
    return removal_.rmdir(request, parent, name);
  }
  core::Result<Entry> link(const Request& request, InodeNumber inode, InodeNumber new_parent,
                           std::string_view new_name) override {
    return creation_.link(request, inode, new_parent, new_name);
  }
  core::Status rename(const Request& request, InodeNumber parent, std::string_view name,
                      InodeNumber new_parent, std::string_view new_name, unsigned flags) override {
    return renaming_.rename(request, parent, name, new_parent, new_name, flags);
  }

  core::Result<Entry> getattr(const Request& request, InodeNumber inode) override {
    return attributes_.getattr(request, inode);
  }
  core::Result<Entry> setattr(const Request& request, InodeNumber inode,
                              const AttributeChange& change) override {
    return attributes_.setattr(request, inode, change);
  }
  core::Status setxattr(const Request& request, InodeNumber inode, std::string_view name,
                        std::string_view value, int flags) override {
    return attributes_.setxattr(request, inode, name, value, flags);
  }
  core::Result<std::string> getxattr(const Request& request, InodeNumber inode,
                                     std::string_view name) override {
    return attributes_.getxattr(request, inode, name);
  }
  core::Result<std::vector<std::string>> listxattr(const Request& request,
                                                   InodeNumber inode) override {
    return attributes_.listxattr(request, inode);
  }
  core::Status removexattr(const Request& request, InodeNumber inode,
                           std::string_view name) override {
    return attributes_.removexattr(request, inode, name);
  }

  core::Result<Opened> open(const Request& request, InodeNumber inode, int flags) override {
    return files_.open(request, inode, flags);
  }
  core::Result<Created> create(const Request& request, InodeNumber parent, std::string_view name,
                               mode_t mode, int flags) override {
    return creation_.create(request, parent, name, mode, flags);
  }
  void read(const Request& request, FileHandle handle, std::uint64_t offset, std::size_t size,
            ReadDone done) override {
    files_.read(request, handle, offset, size, std::move(done));
  }
  core::Result<std::size_t> write(const Request& request, FileHandle handle, std::uint64_t offset,
                                  std::span<const std::byte> data) override {
    core::BlockOffer none;
    return files_.write(request, handle, offset, data, none);
  }
  core::Result<std::size_t> write_block(const Request& request, FileHandle handle,
                                        std::uint64_t offset, std::span<const std::byte> data,
                                        core::BlockOffer& offer) override {
    return files_.write(request, handle, offset, data, offer);
  }
  core::Status flush(const Request& request, FileHandle handle) override {
    return files_.flush(request, handle);
  }
  core::Status fsync(const Request& request, FileHandle handle) override {
    return files_.flush(request, handle);
  }
  void release(const Request& request, FileHandle handle) override {
    files_.release(request, handle);
  }
  core::Status fallocate(const Request& request, FileHandle handle, int mode, std::uint64_t offset,
                         std::uint64_t length) override {
    return files_.fallocate(request, handle, mode, offset, length);
  }
  core::Result<std::uint64_t> copy_range(const Request& request, const CopyRange& range) override {
    return files_.copy_range(request, range);
  }
  core::Result<std::uint64_t> seek(const Request& request, FileHandle handle, std::uint64_t offset,
                                   int whence) override {
    return files_.seek(request, handle, offset, whence);
  }

  core::Result<FileHandle> opendir(const Request& /*request*/, InodeNumber inode) override {
    return directories_.open(inode);
  }
  core::Status readdir(const Request& request, FileHandle handle, std::uint64_t offset, bool plus,
                       const DirectoryFill& fill) override {
    return directories_.read(request, handle, offset, plus, fill);
  }
  void releasedir(FileHandle handle) override { directories_.release(handle); }
  core::Status fsyncdir(const Request& request, InodeNumber inode) override;

  core::Result<SpaceInfo> statfs(const Request& /*request*/) override {
    // A bucket has no end. Large enough for every program, small enough for their arithmetic.
    SpaceInfo space;
    space.total_bytes = std::uint64_t{1} << 50U;
    space.free_bytes = space.total_bytes;
    space.files = std::uint64_t{1} << 31U;
    return space;
  }

  core::Status drain(const core::OpContext& context) override {
    core::Status published = publish(context, [](const Node&) { return true; });
    if (!published && mount_.local() && keep_rest(context)) {
      published = {};
    }
    core::Status deleted = deletions_.flush(context);
    return published ? std::move(deleted) : std::move(published);
  }
  core::Status retry_uploads(const core::OpContext& context) override {
    return publish(context, [](const Node& node) {
      // What is safe here goes on by itself.
      return node.draft.state() == DraftState::Failed && node.uses.writers == 0 &&
             !node.draft.noted();
    });
  }
  void refuse_changes(bool refuse) override { mount_.closing = refuse; }
  [[nodiscard]] std::vector<Unpublished> unpublished(std::size_t most) const override;
  core::Status publish_due(const core::OpContext& context, core::Duration quiet) override {
    const core::WallTime now = mount_.parts.clock.wall_now();
    return publish(context, [&](const Node& node) {
      return node.draft.is_due(now, quiet) && !node.draft.safe();
    });
  }
  [[nodiscard]] FileSystemStatus status() const override;
  void attach(KernelCache* kernel) override {
    files_.attach(kernel);
    crowd_.attach(kernel);
  }

 private:
  /// What open_by_handle_at asks for: a node by its number alone, or the directory that it is in.
  core::Result<Entry> lookup_by_number(const Request& request, InodeNumber number, bool above);
  /// Uploads what is unpublished and `wanted`.
  template <class Wanted>
  core::Status publish(const core::OpContext& context, Wanted wanted);
  /// Makes safe here what could not be uploaded. Whether all of it is.
  bool keep_rest(const core::OpContext& context);

  mutable Mount mount_;
  Bucket bucket_{mount_.options, mount_.parts};
  Ahead ahead_{bucket_,
               mount_.names,
               mount_.learnt,
               mount_.parts.downloads,
               mount_.parts.clock,
               mount_.counters.looked_ahead,
               mount_.parts.rate};
  Lookup lookup_{mount_, bucket_, ahead_};
  Content content_{mount_};
  Files files_{mount_, lookup_, content_};
  Creation creation_{mount_, lookup_, content_};
  Deletions deletions_{mount_};
  Removal removal_{mount_, bucket_, lookup_, content_, deletions_};
  Renaming renaming_{mount_, bucket_, lookup_, content_, removal_};
  Directories directories_{mount_, bucket_, ahead_};
  AttributeEdits attributes_{mount_, lookup_, content_, files_};
  Crowd crowd_{mount_};
  Pending pending_{mount_, content_};
};

core::Result<Entry> BucketFileSystem::lookup_by_number(const Request& request, InodeNumber number,
                                                       bool above) {
  TRY_ASSIGN(NodePtr node, lookup_.find_number(request.context, number));
  const core::MutexLock lock(mount_.mutex);
  if (above) {
    node = node->place.parent ? node->place.parent : mount_.table.root();
  }
  ++node->uses.lookups;
  return mount_.entry_of(*node);
}

core::Result<std::string> BucketFileSystem::readlink(const Request& request, InodeNumber inode) {
  NodePtr node;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(node, mount_.node(inode));
    if (!node->is_symlink()) {
      return core::fail(ErrorKind::InvalidArgument, path_of(*node) + " is no symbolic link");
    }
  }
  TRY(lookup_.refresh_present(request.context, node, Lookup::Need::Fresh));
  model::ObjectVersion version;
  {
    const core::MutexLock lock(mount_.mutex);
    if (node->about.target) {
      return *node->about.target;
    }
    if (!node->stored) {
      return core::fail(ErrorKind::Changed, path_of(*node) + " is gone");
    }
    version = mount_.version_of(*node);
  }
  if (version.size == 0 || version.size > kMostLinkBytes) {
    return core::fail(ErrorKind::Io, version.key.text() + " holds no link's target");
  }
  TextSink sink;
  TRY(mount_.parts.store.read(request.context, version, {0, version.size}, sink));
  const core::MutexLock lock(mount_.mutex);
  node->about.target = sink.text;
  return sink.text;
}

core::Status BucketFileSystem::fsyncdir(const Request& request, InodeNumber inode) {
  NodePtr directory;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(directory, mount_.node(inode));
  }
  return deletions_.settle(request.context, directory);
}

template <class Wanted>
core::Status BucketFileSystem::publish(const core::OpContext& context, Wanted wanted) {
  std::vector<NodePtr> nodes;
  {
    const core::MutexLock lock(mount_.mutex);
    const auto& all = mount_.drafts.unpublished();
    std::copy_if(all.begin(), all.end(), std::back_inserter(nodes),
                 [&](const NodePtr& node) { return wanted(*node); });
  }
  // A task that failed would stop the others, so each keeps its error to itself.
  std::vector<core::Status> outcomes(nodes.size());
  core::TaskGroup group(mount_.parts.pool, context, kPublishedAtOnce);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    group.start([&, i](const core::OpContext& own) -> core::Status {
      outcomes[i] = content_.publish(own, nodes[i]);
      return {};
    });
  }
  core::Status stopped = group.wait();
  const auto failed = std::find_if(outcomes.begin(), outcomes.end(),
                                   [](const core::Status& outcome) { return !outcome; });
  return failed == outcomes.end() ? std::move(stopped) : std::move(*failed);
}

bool BucketFileSystem::keep_rest(const core::OpContext& context) {
  std::vector<NodePtr> nodes;
  {
    const core::MutexLock lock(mount_.mutex);
    nodes.assign(mount_.drafts.unpublished().begin(), mount_.drafts.unpublished().end());
  }
  core::OpContext own = context;
  own.deadline = mount_.now() + kPatienceToKeep;
  for (const NodePtr& node : nodes) {
    (void)content_.commit(own, node);  // how that went is looked at below
  }
  const core::MutexLock lock(mount_.mutex);
  const auto& left = mount_.drafts.unpublished();
  return std::all_of(left.begin(), left.end(),
                     [](const NodePtr& node) { return node->draft.safe(); });
}

std::vector<Unpublished> BucketFileSystem::unpublished(std::size_t most) const {
  std::vector<Unpublished> found;
  const core::MutexLock lock(mount_.mutex);
  for (const NodePtr& node : mount_.drafts.unpublished()) {
    if (found.size() == most) {
      break;
    }
    const auto key = mount_.key(*node);
    const core::Error* const failure = node->draft.failure();
    found.push_back({key ? *key : path_of(*node), node->about.attributes.size,
                     failure != nullptr ? core::describe(*failure) : std::string()});
  }
  return found;
}

FileSystemStatus BucketFileSystem::status() const {
  FileSystemStatus status;
  const core::MutexLock lock(mount_.mutex);
  const Drafts::Totals& totals = mount_.drafts.totals();
  status.inodes = mount_.table.size();
  status.names_bytes = mount_.names.bytes();
  status.nodes_bytes = mount_.table.size() * InodeTable::kNodeBytes;
  status.objects_bytes = mount_.learnt.bytes();
  status.open_files = mount_.files.size();
  status.dirty_files = mount_.drafts.unpublished().size();
  status.dirty_bytes = totals.bytes;
  const auto& unpublished = mount_.drafts.unpublished();
  status.uploads_under_way =
      totals.publishing + static_cast<std::uint64_t>(std::count_if(
                              unpublished.begin(), unpublished.end(), [](const NodePtr& node) {
                                const Draft& draft = node->draft;
                                return draft.state() == DraftState::Changed && draft.outgoing() &&
                                       draft.outgoing()->started();
                              }));
  status.failed_uploads = totals.failed;
  status.deletions_under_way = deletions_.pending();
  for (const auto& [number, move] : mount_.tree_moves) {
    status.tree_moves.push_back(move);
  }
  status.safe_here = static_cast<std::uint64_t>(
      std::count_if(unpublished.begin(), unpublished.end(),
                    [](const NodePtr& node) { return node->draft.safe(); }));
  status.conflicts = static_cast<std::uint64_t>(mount_.counters.conflicts.value());
  status.last_error = mount_.last_error;
  status.last_error_at = mount_.last_error_at;
  return status;
}

}  // namespace

std::unique_ptr<FileSystem> FileSystem::create(Options options, Parts parts) {
  return std::make_unique<BucketFileSystem>(std::move(options), parts);
}

}  // namespace fs
