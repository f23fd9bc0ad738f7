#include "fs/creation.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "fs/adoption.h"
#include "fs/description.h"
#include "fs/persistence.h"
#include "fs/removal.h"
#include "transfer/staging.h"
#include "transfer/uploads.h"

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

core::Result<Creation::Site> Creation::prepare(const Request& request, InodeNumber parent,
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
  Wish wish;
  wish.names = {{directory, std::string(name)}};
  TRY_ASSIGN(Claim claim, Claim::take(mount_, request.context, std::move(wish)));
  const core::MutexLock lock(mount_.mutex);
  TRY_ASSIGN(const std::string directory_key, mount_.key(*directory));
  std::string key = directory_key + component->text;
  // With the slash that a directory needs, so that both may have any name.
  TRY(model::check_key(model::ObjectKey(key)));
  return Site{directory,           std::string(name),           *component,      std::move(key),
              path_of(*directory), directory->about.attributes, std::move(claim)};
}

core::Status Creation::check_absent(const Request& request, const Site& site) {
  const auto found = lookup_.find(request.context, site.directory, site.name);
  lookup_.making(site.key.substr(0, site.key.size() - site.component.text.size()));
  if (found) {
    const core::MutexLock lock(mount_.mutex);
    mount_.table.drop_if_unused(*found);
    return exists(site.name);
  }
  return found.error().kind == ErrorKind::NotFound ? core::Status{} : found.error();
}

Description Creation::describe_new(const Request& request, const Site& site, mode_t mode) const {
  const core::WallTime now = mount_.parts.clock.wall_now();
  Description about;
  if (mount_.plain()) {
    about.attributes = plain_attributes(mount_.options, mode & S_IFMT, now);
    return about;
  }
  const bool inherits = (site.parent.mode & S_ISGID) != 0;
  about.attributes =
      new_attributes(mode, request.uid, inherits ? site.parent.gid : request.gid, now);
  if (inherits && S_ISDIR(mode)) {
    about.attributes.mode |= S_ISGID;
  }
  return about;
}

Entry Creation::adopt(const Site& site, const Description& about, const std::string& key,
                      std::uint64_t size, const store::Published& published,
                      const store::ObjectAttributes& attributes, store::ObjectType type) {
  const core::MutexLock lock(mount_.mutex);
  // Somebody may have looked the name up since the object is there.
  NodePtr node = InodeTable::child(*site.directory, site.name);
  if (node && node->type() != (about.attributes.mode & S_IFMT) && discard(mount_, node)) {
    node = nullptr;
  }
  if (!node) {
    const bool directory = S_ISDIR(about.attributes.mode);
    node = mount_.table.add(site.directory, site.name, site.component,
                            mount_.free_number(key, directory ? model::ETag() : published.etag),
                            about);
  }
  const InodeNumber number = node->number;
  node->about = about;
  node->about.attributes.inode = number;
  settle(*node, mount_.options, key, size, published, attributes, type);
  node->fresh_until = mount_.fresh_from_now();
  mount_.name_changed(*node);
  mount_.remember(*node);
  mount_.touch(*site.directory);
  ++node->uses.lookups;
  return mount_.entry_of(*node);
}

core::Result<NodePtr> Creation::new_file(const Request& request, const Site& site, mode_t mode) {
  TRY(check_absent(request, site));
  TRY_ASSIGN(auto staged, mount_.drafts.create());
  Description about = describe_new(request, site, S_IFREG | (mode & ~request.umask & 07777U));
  const core::MutexLock lock(mount_.mutex);
  TRY(mount_.key(*site.directory));
  if (InodeTable::child(*site.directory, site.name)) {
    return exists(site.name);  // it came up in the bucket just now
  }
  NodePtr node = mount_.table.add(site.directory, site.name, site.component,
                                  mount_.new_number(site.key), std::move(about));
  mount_.drafts.begin(node, std::move(staged));
  mount_.drafts.wrote(node);
  mount_.name_changed(*node);
  mount_.touch(*site.directory);
  return node;
}

core::Result<Created> Creation::create(const Request& request, InodeNumber parent,
                                       std::string_view name, mode_t mode, int flags) {
  TRY_ASSIGN(const Site site, prepare(request, parent, name));
  auto node = new_file(request, site, mode);
  if (!node && node.error().kind == ErrorKind::Exists && (flags & O_EXCL) == 0) {
    // Somebody else was faster, after the kernel had looked. It has to look again: nobody has
    // checked yet whether the caller may open what is there.
    return core::fail(ErrorKind::Changed, site.name + " was made by somebody else just now");
  }
  TRY(node);
  const core::MutexLock lock(mount_.mutex);
  Created created;
  ++(*node)->uses.lookups;
  created.entry = mount_.entry_of(**node);
  created.opened = add_handle(mount_, *node, flags);
  return created;
}

core::Result<Entry> Creation::put_empty(const Request& request, const Site& site,
                                        const Description& about, const std::string& key) {
  TRY_ASSIGN(const auto attributes, object_attributes(mount_.options, key, std::nullopt, about));
  TRY_ASSIGN(const auto published,
             mount_.parts.store.put(request.context, model::ObjectKey(key), store::text_source(""),
                                    attributes, absent()));
  return adopt(site, about, key, 0, published, attributes, store::ObjectType::Normal);
}

core::Result<Entry> Creation::mknod(const Request& request, InodeNumber parent,
                                    std::string_view name, mode_t mode, dev_t device) {
  NodePtr node;
  {
    TRY_ASSIGN(const Site site, prepare(request, parent, name));
    if (!S_ISREG(mode) && (mode & S_IFMT) != 0) {
      if (mount_.plain()) {
        return core::fail(ErrorKind::NotPermitted,
                          "without POSIX metadata there are no special files");
      }
      TRY(check_absent(request, site));
      Description about =
          describe_new(request, site, (mode & S_IFMT) | (mode & ~request.umask & 07777U));
      if (S_ISCHR(mode) || S_ISBLK(mode)) {
        about.attributes.device = device;
      }
      return put_empty(request, site, about, site.key);
    }
    TRY_ASSIGN(node, new_file(request, site, mode));
    const core::MutexLock lock(mount_.mutex);
    ++node->uses.lookups;
  }
  const auto status = content_.commit(request.context, node);
  const core::MutexLock lock(mount_.mutex);
  if (!status) {
    // Nobody has a handle, so nobody could ever report it again: it was not made.
    unname(mount_, node);
    mount_.uncount(node);
    return status.error();
  }
  return mount_.entry_of(*node);
}

core::Result<Entry> Creation::mkdir(const Request& request, InodeNumber parent,
                                    std::string_view name, mode_t mode) {
  TRY_ASSIGN(const Site site, prepare(request, parent, name));
  const std::string key = site.key + '/';
  TRY(model::check_key(model::ObjectKey(key)));
  TRY(check_absent(request, site));
  TRY_ASSIGN(
      Entry made,
      put_empty(request, site,
                describe_new(request, site, S_IFDIR | (mode & ~request.umask & 07777U)), key));
  lookup_.made(key);
  return made;
}

core::Result<Entry> Creation::link(const Request& request, InodeNumber inode, InodeNumber parent,
                                   std::string_view name) {
  if (mount_.options.hard_links == HardLinks::Refuse) {
    return core::fail(ErrorKind::NotPermitted, "a bucket has no hard links");
  }
  NodePtr node;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(node, mount_.node(inode));
    if (node->is_directory()) {
      return core::fail(ErrorKind::NotPermitted, path_of(*node) + " is a directory");
    }
  }
  TRY_ASSIGN(const Site site, prepare(request, parent, name));
  TRY(check_absent(request, site));
  TRY(content_.publish(request.context, node));
  TRY(lookup_.refresh_present(request.context, node, Lookup::Need::Whole));
  Wish wish;
  wish.nodes = {node};
  TRY_ASSIGN(const Claim claim, Claim::take(mount_, request.context, std::move(wish)));
  return copy_to(request, site, node);
}

core::Result<Entry> Creation::copy_to(const Request& request, const Site& site,
                                      const NodePtr& node) {
  std::optional<Stored> stored;
  Description about;
  store::CopyRequest copy;
  {
    const core::MutexLock lock(mount_.mutex);
    if (node->is_out_of_tree()) {
      return core::fail(ErrorKind::NotFound, "it has no name any more");
    }
    if (node->draft.unpublished() || !node->stored) {
      return core::fail(ErrorKind::Busy, path_of(*node) + " is being written");
    }
    stored = node->stored;
    about = node->about;
    copy.source = mount_.version_of(*node);
  }
  about.attributes.changed = mount_.parts.clock.wall_now();
  if (stored->meta.type == store::ObjectType::Symlink && about.target) {
    TRY_ASSIGN(const WrittenLink written, write_link(mount_, request.context, site.key,
                                                     site.directory_path, about, stored, absent()));
    return adopt(site, about, site.key, written.size, written.published, written.attributes,
                 written.type);
  }
  copy.target = model::ObjectKey(site.key);
  copy.precondition = absent();
  TRY_ASSIGN(copy.replace, object_attributes(mount_.options, site.key, stored, about));
  auto copied = mount_.parts.uploads.copy(request.context, copy);
  if (!copied) {
    core::Error error = std::move(copied).error();
    error.kind = error.kind == ErrorKind::NotFound ? ErrorKind::Changed : error.kind;
    return std::move(error).within("copy " + stored->key + " to " + site.key);
  }
  return adopt(site, about, site.key, copy.source.size, *copied, *copy.replace, stored->meta.type);
}

core::Result<Entry> Creation::symlink(const Request& request, InodeNumber parent,
                                      std::string_view name, std::string_view target) {
  if (target.empty() || target.size() > kMostTargetBytes) {
    return core::fail(target.empty() ? ErrorKind::NotFound : ErrorKind::NameTooLong,
                      "a link to that target");
  }
  TRY_ASSIGN(const Site site, prepare(request, parent, name));
  TRY(check_absent(request, site));
  Description about = describe_new(request, site, S_IFLNK | 0777);
  about.target = std::string(target);
  about.attributes.size = target.size();
  TRY_ASSIGN(const WrittenLink written,
             write_link(mount_, request.context, site.key, site.directory_path, about, std::nullopt,
                        absent()));
  return adopt(site, about, site.key, written.size, written.published, written.attributes,
               written.type);
}

}  // namespace fs
