#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "fs/content.h"
#include "fs/files.h"
#include "fs/lookup.h"

namespace fs {

/// What stat, chmod, chown, utimens, truncate and the xattr calls see and change.
/// Threads: any; calls block.
class AttributeEdits {
 public:
  AttributeEdits(Mount& mount, Lookup& lookup, Content& content, Files& files)
      : mount_(mount), lookup_(lookup), content_(content), files_(files) {}

  core::Result<Entry> getattr(const Request& request, InodeNumber inode);
  core::Result<Entry> setattr(const Request& request, InodeNumber inode,
                              const AttributeChange& change);
  core::Status setxattr(const Request& request, InodeNumber inode, std::string_view name,
                        std::string_view value, int flags);
  core::Result<std::string> getxattr(const Request& request, InodeNumber inode,
                                     std::string_view name);
  core::Result<std::vector<std::string>> listxattr(const Request& request, InodeNumber inode);
  core::Status removexattr(const Request& request, InodeNumber inode, std::string_view name);

 private:
  /// Content that is not published was written then, and by nobody later.
  core::Result<Entry> written(const Request& request, const NodePtr& node, core::WallTime when);
  core::Result<std::string> signed_url(const Request& request, const NodePtr& node);
  /// The node with all its metadata. Errors: Changed where somebody else replaced or removed it.
  core::Result<NodePtr> whole_node(const Request& request, InodeNumber inode);
  core::Status check_plain(const Node& node, const AttributeChange& change) const
      REQUIRES(mount_.mutex);
  core::Status resize(const Request& request, const NodePtr& node, const AttributeChange& change);
  /// Changes what a node is: `edit` says how, and may refuse.
  core::Status edit(const Request& request, const NodePtr& node,
                    const std::function<core::Status(Description&)>& change);

  Mount& mount_;
  Lookup& lookup_;
  Content& content_;
  Files& files_;
};

}  // namespace fs
