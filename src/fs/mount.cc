#include "fs/mount.h"

#include <algorithm>

#include "core/log.h"
#include "fs/open_directory.h"
#include "fs/open_file.h"

namespace fs {

Mount::Mount(Options o, Parts p)
    : options(std::move(o)),
      parts(p),
      counters(p.metrics),
      names(p.clock, options.metadata_lifetime) {
  const core::MutexLock lock(mutex);
  Attributes& root = table.root()->about.attributes;
  root.mode = S_IFDIR | (options.directory_mode & ~options.umask & 07777U);
  root.uid = options.uid;
  root.gid = options.gid;
  root.modified = root.accessed = root.changed = parts.clock.wall_now();
}

Mount::~Mount() = default;

core::Result<NodePtr> Mount::directory(InodeNumber number) const {
  TRY_ASSIGN(NodePtr found, node(number));
  if (!found->is_directory()) {
    return core::fail(core::ErrorKind::NotDirectory, path_of(*found) + " is no directory");
  }
  if (found->unlinked) {
    return core::fail(core::ErrorKind::NotFound, "the directory was removed");
  }
  return found;
}

Attributes Mount::shown(const Node& node) const {
  Attributes attributes = node.about.attributes;
  if (node.is_directory()) {
    constexpr std::uint64_t kDirectorySize = 4096;
    attributes.size = kDirectorySize;
    // Nothing says when a directory without a marker was made: at the latest, when we came.
    const core::WallTime mounted = table.root()->about.attributes.accessed;
    for (core::WallTime* time : {&attributes.modified, &attributes.accessed, &attributes.changed}) {
      *time = *time == core::WallTime{} ? mounted : *time;
    }
    attributes.modified = std::max(attributes.modified, node.touched);
    attributes.changed = std::max(attributes.changed, node.touched);
    // Itself and its name; subdirectories as far as they are known here.
    attributes.links = 2 + static_cast<std::uint32_t>(std::count_if(
                               node.children.begin(), node.children.end(),
                               [](const auto& child) { return child.second->is_directory(); }));
  } else {
    constexpr std::uint64_t kBlock = 512;
    attributes.links = 1;
    attributes.blocks =
        node.staged ? node.staged->blocks() : (attributes.size + kBlock - 1) / kBlock;
  }
  if (node.unlinked) {
    attributes.links = 0;
  }
  return attributes;
}

Entry Mount::entry_of(Node& node) {
  Entry entry;
  entry.attributes = shown(node);
  const core::SteadyTime at = now();
  entry.lifetime = node.is_local() ? options.metadata_lifetime
                                   : std::max(core::Duration::zero(), node.fresh_until - at);
  node.told_size = entry.attributes.size;
  node.told_modified = entry.attributes.modified;
  node.told_until = at + entry.lifetime;
  node.told_listed = !node.exact;
  return entry;
}

core::Status Mount::wait(const core::OpContext& context) {
  if (context.stopped()) {
    return core::fail(core::ErrorKind::Cancelled, "told to stop while waiting for another request");
  }
  if (context.deadline == core::SteadyTime::max()) {
    changed.wait(mutex);
    return {};
  }
  if (now() >= context.deadline) {
    return core::fail(core::ErrorKind::Timeout, "another request on the same file takes too long");
  }
  parts.clock.wait_until(changed, mutex, context.deadline);
  return {};
}

void Mount::name_changed(Node& directory, const std::string& name) {
  ++directory.changes;
  if (const auto key = key_of(directory, options.prefix)) {
    names.changed(*key, name);
  }
}

void Mount::touch(Node& directory) { directory.touched = parts.clock.wall_now(); }

void Mount::set_dirty(const NodePtr& node, bool dirty_now) {
  node->dirty = dirty_now;
  if (dirty_now && !node->unlinked) {
    dirty.insert(node);
  } else {
    dirty.erase(node);
  }
  if (!dirty_now) {
    node->failure.reset();
  }
}

void Mount::report(std::string_view operation, const std::string& path, const core::Error& error) {
  const std::string what = core::describe(error);
  core::log(core::LogLevel::Error, "operation failed",
            {{"operation", operation}, {"path", path}, {"error", what}});
  const core::MutexLock lock(mutex);
  last_error = std::string(operation) + " " + path + ": " + what;
  last_error_at = parts.clock.wall_now();
}

core::Status check_writable(const Mount& mount) {
  if (mount.options.read_only) {
    return core::fail(core::ErrorKind::ReadOnly, "the mount is read-only");
  }
  return {};
}

}  // namespace fs
