#include "fs/creation.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "fs/description.h"
#include "fs/persistence.h"
#include "transfer/staging.h"

namespace fs {
namespace {

using core::ErrorKind;
using store::Precondition;

constexpr std::size_t kMostTargetBytes = 4095;  // PATH_MAX without its end

core::Error exists(std::string_view name) {
  return core::fail(ErrorKind::Exists, std::string(name) + " exists");
}

Precondition absent() {
  Precondition precondition;
  precondition.kind = Precondition::Kind::Absent;
  return precondition;
}

}  // namespace

core::Result<Creation::Place> Creation::prepare(const Request& request, InodeNumber parent,
                                                std::string_view name) {
  TRY(check_writable(mount_));
  TRY_ASSIGN(auto parsed, model::parse_file_name(name));
  const auto* component = std::get_if<model::KeyComponent>(&parsed);
  if (component == nullptr || component->beside_directory) {
    return core::fail(ErrorKind::InvalidArgument,
                      "a name reserved for keys that are no file names: " + std::string(name));
  }
  NodePtr directory;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(directory, mount_.directory(parent));
  }
  TRY(lookup_.check_access(request, directory, W_OK | X_OK));
  Wish wish;
  wish.names = {{directory, std::string(name)}};
  TRY_ASSIGN(Claim claim, Claim::take(mount_, request.context, std::move(wish)));
  const core::MutexLock lock(mount_.mutex);
  TRY_ASSIGN(const std::string directory_key, key_of(*directory, mount_.options.prefix));
  std::string key = directory_key + component->text;
  // With the slash that a directory needs, so that both may have any name.
  TRY(model::check_key(model::ObjectKey(key)));
  return Place{directory,           std::string(name),           *component,      std::move(key),
               path_of(*directory), directory->about.attributes, std::move(claim)};
}

core::Status Creation::check_absent(const Request& request, const Place& place) {
  const auto found = lookup_.find(request.context, place.directory, place.name);
  if (found) {
    const core::MutexLock lock(mount_.mutex);
    mount_.table.drop_if_unused(*found);
    return exists(place.name);
  }
  return found.error().kind == ErrorKind::NotFound ? core::Status{} : found.error();
}

Description Creation::describe_new(const Request& request, const Place& place, mode_t mode) const {
  Description about;
  const bool inherits = (place.parent.mode & S_ISGID) != 0;
  about.attributes = new_attributes(mode, request.uid, inherits ? place.parent.gid : request.gid,
                                    mount_.parts.clock.wall_now());
  if (inherits && S_ISDIR(mode)) {
    about.attributes.mode |= S_ISGID;
  }
  return about;
}

Entry Creation::adopt(const Place& place, const Description& about, const std::string& key,
                      std::uint64_t size, const store::Published& published,
                      const store::ObjectAttributes& attributes, store::ObjectType type) {
  const core::MutexLock lock(mount_.mutex);
  NodePtr node = InodeTable::child(*place.directory, place.name);
  if (node && node->type() != (about.attributes.mode & S_IFMT) && Lookup::discard(node)) {
    node = nullptr;
  }
  if (!node) {
    node = mount_.table.add(place.directory, place.name, place.component);
  }
  const InodeNumber number = node->number;
  node->about = about;
  node->about.attributes.inode = number;
  settle(*node, key, size, published, attributes);
  node->stored->type = type;
  node->fresh_until = mount_.fresh_from_now();
  mount_.name_changed(*place.directory, place.name);
  mount_.touch(*place.directory);
  ++node->lookups;
  return mount_.entry_of(*node);
}

core::Result<NodePtr> Creation::new_file(const Request& request, const Place& place, mode_t mode) {
  TRY(check_absent(request, place));
  TRY_ASSIGN(auto staged, mount_.parts.staging.create());
  Description about = describe_new(request, place, S_IFREG | (mode & ~request.umask & 07777U));
  const core::MutexLock lock(mount_.mutex);
  TRY(key_of(*place.directory, mount_.options.prefix));
  if (InodeTable::child(*place.directory, place.name)) {
    return exists(place.name);  // it came up in the bucket just now
  }
  NodePtr node = mount_.table.add(place.directory, place.name, place.component);
  about.attributes.inode = node->number;
  node->about = std::move(about);
  node->staged = std::move(staged);
  mount_.set_dirty(node, true);
  mount_.name_changed(*place.directory, place.name);
  mount_.touch(*place.directory);
  return node;
}

core::Result<FileSystem::Created> Creation::create(const Request& request, InodeNumber parent,
                                                   std::string_view name, mode_t mode, int flags) {
  FileSystem::Created created;
  {
    TRY_ASSIGN(const Place place, prepare(request, parent, name));
    auto node = new_file(request, place, mode);
    if (node) {
      const core::MutexLock lock(mount_.mutex);
      ++(*node)->lookups;
      created.entry = mount_.entry_of(**node);
      created.opened = add_handle(mount_, *node, flags);
      return created;
    }
    if (node.error().kind != ErrorKind::Exists || (flags & O_EXCL) != 0) {
      return std::move(node).error();
    }
    TRY_ASSIGN(const NodePtr existing,
               lookup_.find_counted(request.context, place.directory, place.name));
    created.entry.attributes.inode = existing->number;
  }
  const InodeNumber number = created.entry.attributes.inode;
  auto opened = files_.open(request, number, flags);
  const core::MutexLock lock(mount_.mutex);
  TRY_ASSIGN(const NodePtr node, mount_.node(number));
  if (!opened) {
    --node->lookups;
    mount_.table.drop_if_unused(node);
    return std::move(opened).error();
  }
  created.opened = *opened;
  created.entry = mount_.entry_of(*node);
  return created;
}

core::Result<Entry> Creation::put_empty(const Request& request, const Place& place,
                                        const Description& about, const std::string& key) {
  TRY_ASSIGN(const auto attributes, object_attributes(mount_.options, key, std::nullopt, about));
  TRY_ASSIGN(const auto published,
             mount_.parts.store.put(request.context, model::ObjectKey(key), store::text_source(""),
                                    attributes, absent()));
  return adopt(place, about, key, 0, published, attributes, store::ObjectType::Normal);
}

core::Result<Entry> Creation::mknod(const Request& request, InodeNumber parent,
                                    std::string_view name, mode_t mode, dev_t device) {
  NodePtr node;
  {
    TRY_ASSIGN(const Place place, prepare(request, parent, name));
    if (!S_ISREG(mode) && (mode & S_IFMT) != 0) {
      TRY(check_absent(request, place));
      Description about =
          describe_new(request, place, (mode & S_IFMT) | (mode & ~request.umask & 07777U));
      if (S_ISCHR(mode) || S_ISBLK(mode)) {
        about.attributes.device = device;
      }
      return put_empty(request, place, about, place.key);
    }
    TRY_ASSIGN(node, new_file(request, place, mode));
    const core::MutexLock lock(mount_.mutex);
    ++node->lookups;
  }
  const auto status = content_.publish(request.context, node);
  const core::MutexLock lock(mount_.mutex);
  if (!status) {
    // Nobody has a handle, so nobody could ever report it again: it was not made.
    node->unlinked = true;
    mount_.set_dirty(node, false);
    if (node->parent) {
      mount_.name_changed(*node->parent, node->name);
    }
    InodeTable::detach(*node);
    --node->lookups;
    mount_.table.drop_if_unused(node);
    return status.error();
  }
  return mount_.entry_of(*node);
}

core::Result<Entry> Creation::mkdir(const Request& request, InodeNumber parent,
                                    std::string_view name, mode_t mode) {
  TRY_ASSIGN(const Place place, prepare(request, parent, name));
  const std::string key = place.key + '/';
  TRY(model::check_key(model::ObjectKey(key)));
  TRY(check_absent(request, place));
  return put_empty(request, place,
                   describe_new(request, place, S_IFDIR | (mode & ~request.umask & 07777U)), key);
}

core::Result<Entry> Creation::symlink(const Request& request, InodeNumber parent,
                                      std::string_view name, std::string_view target) {
  if (target.empty() || target.size() > kMostTargetBytes) {
    return core::fail(target.empty() ? ErrorKind::NotFound : ErrorKind::NameTooLong,
                      "a link to that target");
  }
  TRY_ASSIGN(const Place place, prepare(request, parent, name));
  TRY(check_absent(request, place));
  Description about = describe_new(request, place, S_IFLNK | 0777);
  about.target = std::string(target);
  about.attributes.size = target.size();
  TRY_ASSIGN(const WrittenLink written,
             write_link(mount_, request.context, place.key, place.directory_path, about,
                        std::nullopt, absent()));
  return adopt(place, about, place.key, written.size, written.published, written.attributes,
               written.type);
}

}  // namespace fs
