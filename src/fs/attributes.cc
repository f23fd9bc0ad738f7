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

core::Status check_settable(std::string_view name) {
  TRY(check_name(name));
  if (name.starts_with(kViews)) {
    return core::fail(ErrorKind::NotPermitted, std::string(name) + " is read-only");
  }
  return {};
}

core::Error no_data(std::string_view name) {
  return core::fail(ErrorKind::NoData, "no attribute " + std::string(name));
}

core::Result<std::string> view_of(const Node& node, std::string_view name) {
  const std::string_view what = name.substr(kViews.size());
  if (node.stored && !node.dirty) {
    const Stored& stored = *node.stored;
    if (what == "etag") {
      return stored.version.etag.text();
    }
    if (what == "version-id" && !stored.version.version_id.empty()) {
      return stored.version.version_id;
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
  TRY(lookup_.refresh(request.context, node,
                      mount_.options.exact_attributes ? Lookup::Need::Exact : Lookup::Need::Fresh));
  const core::MutexLock lock(mount_.mutex);
  return mount_.entry_of(*node);
}

core::Result<NodePtr> AttributeEdits::exact_node(const Request& request, InodeNumber inode) {
  NodePtr node;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(node, mount_.node(inode));
  }
  TRY(lookup_.refresh(request.context, node, Lookup::Need::Exact));
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
    if (!node->exact && !node->is_local()) {
      // A listing came in between and showed another version.
      return core::fail(ErrorKind::Changed, path_of(*node) + " was changed by somebody else");
    }
    wanted = node->about;
  }
  TRY(change(wanted));
  return persist(mount_, request.context, node, std::move(wanted));
}

core::Result<Entry> AttributeEdits::setattr(const Request& request, InodeNumber inode,
                                            const AttributeChange& change) {
  TRY(check_writable(mount_));
  TRY_ASSIGN(const NodePtr node, exact_node(request, inode));
  TRY(lookup_.check_access(request, node, change.size ? W_OK : F_OK));
  const auto apply_to = [&](Description& about) -> core::Status {
    apply(change, about, mount_.parts.clock.wall_now());
    return {};
  };
  if (!change.size) {
    TRY(edit(request, node, apply_to));
  } else {
    Wish wish;
    wish.nodes = {node};
    TRY_ASSIGN(const Claim claim, Claim::take(mount_, request.context, std::move(wish)));
    bool somebody_writes = false;
    {
      const core::MutexLock lock(mount_.mutex);
      if (!node->is_regular()) {
        return core::fail(
            node->is_directory() ? ErrorKind::IsDirectory : ErrorKind::InvalidArgument,
            path_of(*node) + " is no file whose length could change");
      }
      somebody_writes = node->writers > 0;
    }
    TRY(files_.truncate_claimed(request, node, *change.size));
    {
      const core::MutexLock lock(mount_.mutex);
      TRY(apply_to(node->about));
    }
    if (!somebody_writes) {
      // No close() will come that could report how the upload went.
      TRY(content_.publish_claimed(request.context, node, std::nullopt));
    }
  }
  const core::MutexLock lock(mount_.mutex);
  return mount_.entry_of(*node);
}

core::Status AttributeEdits::setxattr(const Request& request, InodeNumber inode,
                                      std::string_view name, std::string_view value, int flags) {
  TRY(check_settable(name));
  TRY(check_writable(mount_));
  TRY_ASSIGN(const NodePtr node, exact_node(request, inode));
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
  TRY_ASSIGN(const NodePtr node, exact_node(request, inode));
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
  // Whoever has the URL can read the file, so that it takes the right to read.
  TRY(lookup_.check_access(request, node, R_OK));
  {
    const core::MutexLock lock(mount_.mutex);
    if (!node->is_regular() || !node->stored || node->dirty) {
      return no_data(kSignedUrl);  // the bucket has nothing that would be this file
    }
    wanted.key = node->stored->version.key;
  }
  TRY_ASSIGN(store::SignedUrl made, mount_.parts.store.presign(request.context, wanted));
  return std::move(made.url);
}

core::Result<std::vector<std::string>> AttributeEdits::listxattr(const Request& request,
                                                                 InodeNumber inode) {
  TRY_ASSIGN(const NodePtr node, exact_node(request, inode));
  const core::MutexLock lock(mount_.mutex);
  std::vector<std::string> names;
  for (const auto& [name, value] : node->about.xattrs) {
    names.push_back(name);
  }
  return names;
}

core::Status AttributeEdits::removexattr(const Request& request, InodeNumber inode,
                                         std::string_view name) {
  TRY(check_settable(name));
  TRY(check_writable(mount_));
  TRY_ASSIGN(const NodePtr node, exact_node(request, inode));
  return edit(request, node, [&](Description& about) -> core::Status {
    if (about.xattrs.erase(std::string(name)) == 0) {
      return no_data(name);
    }
    about.attributes.changed = mount_.parts.clock.wall_now();
    return {};
  });
}

}  // namespace fs
