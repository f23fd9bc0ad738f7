#include "fs/mount.h"

#include <algorithm>

#include "core/format.h"
#include "core/log.h"
#include "fs/description.h"
#include "fs/numbers.h"
#include "fs/open_directory.h"
#include "fs/open_file.h"

namespace fs {

Mount::Mount(Options o, Parts p)
    : options(std::move(o)),
      parts(p),
      counters(p.metrics),
      names(p.clock, options.metadata_lifetime, options.names_bytes),
      learnt(p.clock, options.metadata_lifetime, p.memory, options.objects_bytes),
      drafts(p.staging, p.uploads, p.pool, p.journal, options.durability == Durability::Remote) {
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
  if (found->place.unlinked) {
    return core::fail(core::ErrorKind::NotFound, "the directory was removed");
  }
  return found;
}

model::ObjectVersion Mount::version_of(const Node& node) const {
  const Stored& stored = *node.stored;
  return model::ObjectVersion{model::ObjectKey(stored.key), stored.meta.etag, stored.meta.size,
                              stored.meta.version_id};
}

InodeNumber Mount::free_number(const std::string& key, const model::ETag& etag) const {
  InodeNumber number = learnt.number(key, etag);
  for (unsigned attempt = 0; table.contains(number); ++attempt) {
    number = number_of(key, etag, attempt);
  }
  return number;
}

InodeNumber Mount::new_number(const std::string& key) {
  const auto now = parts.clock.wall_now().time_since_epoch().count();
  return free_number(key, model::ETag(core::format("new {} {}", now, ++made)));
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
    attributes.modified = std::max(attributes.modified, node.place.touched);
    attributes.changed = std::max(attributes.changed, node.place.touched);
    attributes.links = 2 + node.place.directories;  // itself, its name, subdirectories known here
  } else {
    constexpr std::uint64_t kBlock = 512;
    attributes.links = 1;
    attributes.blocks = node.draft.content() ? node.draft.content()->blocks()
                                             : (attributes.size + kBlock - 1) / kBlock;
  }
  if (node.is_out_of_tree()) {
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
  const Attributes& told = entry.attributes;
  node.told = {told.mode, told.uid, told.gid, told.size, told.modified, at + entry.lifetime};
  return entry;
}

core::Status Mount::wait(const core::OpContext& context) {
  if (context.stopped()) {
    return core::fail(core::ErrorKind::Cancelled, "told to stop while waiting for another request");
  }
  if (now() >= context.deadline) {
    return core::fail(core::ErrorKind::Timeout, "another request on the same file takes too long");
  }
  parts.clock.wait_until(changed, mutex, context.deadline);
  return {};
}

void Mount::name_changed(Node& directory, const std::string& name,
                         const model::KeyComponent& component) {
  ++directory.place.changes;
  if (const auto above = key(directory)) {
    directory.place.changed_at = names.changed(*above, name);
    learnt.changed(*above + component.text);
    learnt.changed(*above + component.text + '/');
  }
}

void Mount::name_changed(const Node& node) {
  if (node.place.parent) {
    name_changed(*node.place.parent, node.place.name, node.place.component);
  }
}

void Mount::doubt(Node& node) {
  node.fresh_until = {};
  name_changed(node);
}

void Mount::remember(const Node& node) {
  if (const auto own = key(node)) {
    remember(node, *own);
  }
}

void Mount::remember(const Node& node, const std::string& own) {
  if (node.is_root()) {
    return;
  }
  const bool object = node.stored && !node.is_directory();
  const bool told = object && node.stored->settled && node.stored->whole;
  learnt.remember(own, object ? node.stored->meta.etag : model::ETag(), node.number,
                  told ? &node.stored->meta : nullptr);
}

void Mount::touch(Node& directory) { directory.place.touched = parts.clock.wall_now(); }

void Mount::settle_draft(const NodePtr& node) {
  if (node->claimed.busy) {
    return;  // whoever ends that claim comes here
  }
  if (node->uses.writers == 0) {
    drafts.apply(node, DraftEvent::Idle);
  }
  if (node->uses.handles == 0) {
    drafts.apply(node, DraftEvent::Unused);
  }
}

void Mount::uncount(const NodePtr& node) {
  --node->uses.lookups;
  table.drop_if_unused(node);
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
  if (mount.closing) {
    return core::fail(core::ErrorKind::ReadOnly, "the mount is about to end");
  }
  return {};
}

}  // namespace fs
