#pragma once
// New names: files, directories, links and special files.
#include <string>
#include <string_view>

#include "fs/claims.h"
#include "fs/content.h"
#include "fs/files.h"
#include "fs/lookup.h"

namespace fs {

/// Threads: any; calls block.
class Creation {
 public:
  Creation(Mount& mount, Lookup& lookup, Content& content)
      : mount_(mount), lookup_(lookup), content_(content) {}

  core::Result<Created> create(const Request& request, InodeNumber parent, std::string_view name,
                               mode_t mode, int flags);
  core::Result<Entry> mknod(const Request& request, InodeNumber parent, std::string_view name,
                            mode_t mode, dev_t device);
  core::Result<Entry> mkdir(const Request& request, InodeNumber parent, std::string_view name,
                            mode_t mode);
  /// With HardLinks::Copy, a copy of what the inode is now. Errors: NotPermitted without, and of
  /// directories; Exists.
  core::Result<Entry> link(const Request& request, InodeNumber inode, InodeNumber parent,
                           std::string_view name);
  core::Result<Entry> symlink(const Request& request, InodeNumber parent, std::string_view name,
                              std::string_view target);

 private:
  /// Where something new is to be. The name stays claimed.
  struct Site {
    NodePtr directory;
    std::string name;
    model::KeyComponent component;
    std::string key;  ///< without the slash of a directory
    std::string directory_path;
    Attributes parent;
    Claim claim;
  };
  core::Result<Site> prepare(const Request& request, InodeNumber parent, std::string_view name);
  /// Errors: Exists.
  core::Status check_absent(const Request& request, const Site& site);
  Description describe_new(const Request& request, const Site& site, mode_t mode) const;
  /// The node of what now is in the bucket, with a lookup count.
  Entry adopt(const Site& site, const Description& about, const std::string& key,
              std::uint64_t size, const store::Published& published,
              const store::ObjectAttributes& attributes, store::ObjectType type);
  core::Result<NodePtr> new_file(const Request& request, const Site& site, mode_t mode);
  /// What a claimed node is in the bucket, once more under the site's key.
  core::Result<Entry> copy_to(const Request& request, const Site& site, const NodePtr& node);
  core::Result<Entry> put_empty(const Request& request, const Site& site, const Description& about,
                                const std::string& key);

  Mount& mount_;
  Lookup& lookup_;
  Content& content_;
};

}  // namespace fs
