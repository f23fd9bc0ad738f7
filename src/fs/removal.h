#pragma once
#include <string_view>

#include "fs/bucket.h"
#include "fs/content.h"
#include "fs/deletions.h"
#include "fs/lookup.h"

namespace fs {

/// The node has no name any more, by our doing; its handles go on.
void unname(Mount& mount, const NodePtr& node) REQUIRES(mount.mutex);

/// Names taken away. Threads: any; calls block.
class Removal {
 public:
  Removal(Mount& mount, Bucket& bucket, Lookup& lookup, Content& content, Deletions& deletions)
      : mount_(mount), bucket_(bucket), lookup_(lookup), content_(content), deletions_(deletions) {}

  /// Returns when the object is gone; in a burst, when its name is (Deletions).
  core::Status unlink(const Request& request, InodeNumber parent, std::string_view name);
  core::Status rmdir(const Request& request, InodeNumber parent, std::string_view name);

  /// What handles still need of a claimed node whose object is about to go.
  core::Status stage_for_handles(const core::OpContext& context, const NodePtr& node);
  /// Errors: NotEmpty. The directory's tree is claimed.
  core::Status check_empty(const core::OpContext& context, const NodePtr& directory,
                           const std::string& key);

 private:
  /// Whether all of a directory was listed within the metadata lifetime, and taken away since.
  bool known_empty(const Node& directory, const std::string& key);
  core::Result<NodePtr> directory_of(InodeNumber parent);
  /// Removes the object of a claimed node with its name, now or behind.
  core::Status remove(const Request& request, const NodePtr& node, Deletions::Deletion deletion);

  Mount& mount_;
  Bucket& bucket_;
  Lookup& lookup_;
  Content& content_;
  Deletions& deletions_;
};

}  // namespace fs
