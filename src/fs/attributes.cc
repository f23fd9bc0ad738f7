#include "fs/attributes.h"

#include <sys/xattr.h>
#include <unistd.h>

#include <utility>

#include "fs/claims.h"
#include "fs/persistence.h"

namespace fs {
namespace {

using core::ErrorKind;

constexpr std::string_view kViews = "user.oss.";
/// Never listed, so that no program that copies attributes carries a URL away unasked.
constexpr std::string_view kSignedUrl = "user.oss.signed-url";
constexpr std::size_t kMostNameBytes = 255;

void apply(const AttributeChange& change, Description& about, core::WallTime now) {
  Attributes& attributes = about.attributes;
  const bool executable_by_group = (attributes.mode & S_IXGRP) != 0;
  const bool owner_changes = change.uid || change.gid;
  if ((owner_changes || change.drop_set_id) && !S_ISDIR(attributes.mode)) {
    // chown(2): whoever gets the file must not get the rights of its old owner.
    attributes.mode &= ~mode_t{S_ISUID};
    attributes.mode &= executable_by_group ? ~mode_t{S_ISGID} : ~mode_t{0};
  }
  if (change.mode) {
    attributes.mode = (attributes.mode & S_IFMT) | (*change.mode & 07777U);
  }
  attributes.uid = change.uid.value_or(attributes.uid);
  attributes.gid = change.gid.value_or(attributes.gid);
  attributes.modified = change.modified.value_or(attributes.modified);
  if (change.accessed) {
    attributes.accessed = *change.accessed;
    about.accessed_set = true;
  }
  attributes.changed = now;
}

core::Status check_name(std::string_view name) {
  if (!name.starts_with("user.") || name.size() == 5) {
    return core::fail(ErrorKind::Unsupported,
                      "only user.* attributes are kept, not " + std::string(name));
  }
  if (name.size() > kMostNameBytes) {
    return core::fail(ErrorKind::OutOfRange, "an attribute name of more than 255 bytes");
  }
  return {};
}

core::Status check_settable(const Mount& mount, std::string_view name) {
  TRY(check_name(name));
  if (mount.plain()) {
    return core::fail(ErrorKind::Unsupported,
                      std::string(name) + " cannot be kept with --attributes plain");
  }
  if (name.starts_with(kViews)) {
    return core::fail(ErrorKind::NotPermitted, std::string(name) + " is read-only");
  }
  return {};
}

core::Error no_data(std::string_view name) {
  return core::fail(ErrorKind::NoData, "no attribute " + std::string(name));
}

/// What becomes of content that is safe on this host alone.
core::Result<std::string> pending(const Node& node) {
  const Draft& draft = node.draft;
  if (!draft.noted()) {
    return no_data("user.oss.pending");
  }
  if (draft.state() == DraftState::Publishing) {
    return std::string("uploading");
  }
  return draft.failure() == nullptr ? std::string("waiting")
                                    : "failed: " + draft.failure()->message;
}

core::Result<std::string> view_of(const Node& node, std::string_view name) {
  const std::string_view what = name.substr(kViews.size());
  if (what == "pending") {
    return pending(node);
  }
  if (node.stored && !node.draft.unpublished()) {
    const store::ObjectMeta& stored = node.stored->meta;
    if (what == "etag") {
      return stored.etag.text();
    }
    if (what == "version-id" && !stored.version_id.empty()) {
      return stored.version_id;
    }
    if (what == "storage-class" && !stored.settings.storage_class.empty()) {
      return stored.settings.storage_class;
    }
    if (what == "crc64" && stored.crc64) {
      return std::to_string(*stored.crc64);
    }
  }
  return no_data(name);
}

}  // namespace

core::Result<Entry> AttributeEdits::getattr(const Request& request, InodeNumber inode) {
  NodePtr node;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(node, mount_.node(inode));
  }
  TRY(lookup_.refresh(request.context, node, Lookup::Need::Fresh));
  const core::MutexLock lock(mount_.mutex);
  if (node->place.gone && node->uses.handles == 0) {
    // By a name, then: the kernel has to look that up again.
    return core::fail(ErrorKind::Changed,
                      path_of(*node) + " was removed or replaced by somebody else");
  }
  return mount_.entry_of(*node);
}

core::Result<NodePtr> AttributeEdits::whole_node(const Request& request, InodeNumber inode) {
  NodePtr node;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(node, mount_.node(inode));
  }
  TRY(lookup_.refresh_present(request.context, node, Lookup::Need::Whole));
  return node;
}

core::Status AttributeEdits::edit(const Request& request, const NodePtr& node,
                                  const std::function<core::Status(Description&)>& change) {
  Wish wish;
  wish.nodes = {node};
  TRY_ASSIGN(const Claim claim, Claim::take(mount_, request.context, std::move(wish)));
  Description wanted;
  {
    const core::MutexLock lock(mount_.mutex);
    wanted = node->about;
  }
  TRY(change(wanted));
  TRY(persist(mount_, request.context, node, std::move(wanted)));
  return content_.note_again(request.context, node);
}

/// What of a change becomes something else than content where attributes are plain.
core::Status AttributeEdits::check_plain(const Node& node, const AttributeChange& change) const {
  if (!mount_.plain() ||
      !(change.mode || change.uid || change.gid || change.accessed || change.modified)) {
    return {};
  }
  return mount_.options.plain_changes == PlainChanges::Ignore
             ? core::Status{}
             : core::fail(ErrorKind::NotPermitted,
                          path_of(node) +
                              ": mode, owner and times cannot be kept with "
                              "--attributes plain (--plain-changes ignore)");
}

core::Status AttributeEdits::resize(const Request& request, const NodePtr& node,
                                    const AttributeChange& change) {
  Wish wish;
  wish.nodes = {node};
  TRY_ASSIGN(const Claim claim, Claim::take(mount_, request.context, std::move(wish)));
  bool somebody_writes = false;
  {
    const core::MutexLock lock(mount_.mutex);
    if (!node->is_regular()) {
      return core::fail(node->is_directory() ? ErrorKind::IsDirectory : ErrorKind::InvalidArgument,
                        path_of(*node) + " is no file whose length could change");
    }
    somebody_writes = node->uses.writers > 0;
  }
  TRY(files_.truncate_claimed(request, node, *change.size));
  if (!mount_.plain()) {
    const core::MutexLock lock(mount_.mutex);
    apply(change, node->about, mount_.parts.clock.wall_now());
  }
  // Without writers no close() will come that could report how the upload went.
  return somebody_writes ? core::Status{} : content_.commit_claimed(request.context, node);
}

core::Result<Entry> AttributeEdits::setattr(const Request& request, InodeNumber inode,
                                            const AttributeChange& change) {
  TRY(check_writable(mount_));
  TRY_ASSIGN(const NodePtr node, whole_node(request, inode));
  if (change.written) {
    return written(request, node, *change.modified);
  }
  {
    const core::MutexLock lock(mount_.mutex);
    TRY(check_plain(*node, change));
  }
  if (change.size) {
    TRY(resize(request, node, change));
  } else if (!mount_.plain()) {
    TRY(edit(request, node, [&](Description& about) -> core::Status {
      apply(change, about, mount_.parts.clock.wall_now());
      return {};
    }));
    if (change.modified) {
      // What a program sets is what it sees, also of a directory that we touched before.
      const core::MutexLock lock(mount_.mutex);
      node->place.touched = {};
    }
  }
  const core::MutexLock lock(mount_.mutex);
  return mount_.entry_of(*node);
}

core::Result<Entry> AttributeEdits::written(const Request& request, const NodePtr& node,
                                            core::WallTime when) {
  Wish wish;
  wish.nodes = {node};
  TRY_ASSIGN(const Claim claim, Claim::take(mount_, request.context, std::move(wish)));
  const core::MutexLock lock(mount_.mutex);
  // Once it is published the object has its time.
  if (node->draft.unpublished()) {
    node->about.attributes.modified = when;
    mount_.drafts.wrote(node);
  }
  return mount_.entry_of(*node);
}

core::Status AttributeEdits::setxattr(const Request& request, InodeNumber inode,
                                      std::string_view name, std::string_view value, int flags) {
  TRY(check_settable(mount_, name));
  TRY(check_writable(mount_));
  TRY_ASSIGN(const NodePtr node, whole_node(request, inode));
  return edit(request, node, [&](Description& about) -> core::Status {
    const bool there = about.xattrs.contains(std::string(name));
    if (there && (flags & XATTR_CREATE) != 0) {
      return core::fail(ErrorKind::Exists, std::string(name) + " exists");
    }
    if (!there && (flags & XATTR_REPLACE) != 0) {
      return no_data(name);
    }
    about.xattrs.insert_or_assign(std::string(name), std::string(value));
    about.attributes.changed = mount_.parts.clock.wall_now();
    return {};
  });
}

core::Result<std::string> AttributeEdits::getxattr(const Request& request, InodeNumber inode,
                                                   std::string_view name) {
  TRY(check_name(name));
  TRY_ASSIGN(const NodePtr node, whole_node(request, inode));
  if (name == kSignedUrl) {
    return signed_url(request, node);
  }
  const core::MutexLock lock(mount_.mutex);
  if (name.starts_with(kViews)) {
    return view_of(*node, name);
  }
  const auto at = node->about.xattrs.find(std::string(name));
  if (at == node->about.xattrs.end()) {
    return no_data(name);
  }
  return at->second;
}

core::Result<std::string> AttributeEdits::signed_url(const Request& request, const NodePtr& node) {
  store::UrlRequest wanted;
  wanted.lifetime = mount_.options.signed_url_lifetime;
  if (wanted.lifetime <= core::Duration::zero()) {
    return core::fail(ErrorKind::Unsupported, "this mount signs no URLs: --signed-url-lifetime");
  }
  {
    const core::MutexLock lock(mount_.mutex);
    if (!node->is_regular() || !node->stored || node->draft.unpublished()) {
      return no_data(kSignedUrl);  // the bucket has nothing that would be this file
    }
    const model::ObjectVersion version = mount_.version_of(*node);
    wanted.key = version.key;
  }
  TRY_ASSIGN(store::SignedUrl made, mount_.parts.store.presign(request.context, wanted));
  return std::move(made.url);
}

core::Result<std::vector<std::string>> AttributeEdits::listxattr(const Request& request,
                                                                 InodeNumber inode) {
  TRY_ASSIGN(const NodePtr node, whole_node(request, inode));
  const core::MutexLock lock(mount_.mutex);
  std::vector<std::string> names;
  for (const auto& [name, value] : node->about.xattrs) {
    names.push_back(name);
  }
  return names;
}

core::Status AttributeEdits::removexattr(const Request& request, InodeNumber inode,
                                         std::string_view name) {
  TRY(check_settable(mount_, name));
  TRY(check_writable(mount_));
  TRY_ASSIGN(const NodePtr node, whole_node(request, inode));
  return edit(request, node, [&](Description& about) -> core::Status {
    if (about.xattrs.erase(std::string(name)) == 0) {
      return no_data(name);
    }
    about.attributes.changed = mount_.parts.clock.wall_now();
    return {};
  });
}

}  // namespace fs
