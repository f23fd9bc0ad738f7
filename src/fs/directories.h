#pragma once
#include <memory>
#include <string>
#include <vector>

#include "fs/bucket.h"
#include "fs/lookup.h"
#include "fs/open_directory.h"

namespace fs {

/// Reading directories: pages of the bucket's listing as they are needed, with what only we know
/// added and what we removed left out.
/// Threads: any; calls block.
class Directories {
 public:
  Directories(Mount& mount, Bucket& bucket, Lookup& lookup)
      : mount_(mount), bucket_(bucket), lookup_(lookup) {}

  core::Result<HandleId> open(const Request& request, InodeNumber inode);
  core::Status read(const Request& request, HandleId handle, std::uint64_t offset, bool plus,
                    const DirectoryFill& fill);
  void release(HandleId handle);

 private:
  using OpenPtr = std::shared_ptr<OpenDirectory>;
  using Names = std::vector<cache::ListedName>;

  core::Status fetch(const Request& request, const OpenPtr& open, bool exact);
  core::Result<Names> next_page(const core::OpContext& context, OpenDirectory& open,
                                const std::string& key);
  void ask_exactly(const core::OpContext& context, const std::string& key,
                   std::vector<OpenDirectory::Row>& rows, const NodePtr& node);
  void finish(OpenDirectory& open, const std::string& key) REQUIRES(mount_.mutex);
  /// What to hand out for a row; nothing if it is no more. `counted` got a lookup count.
  std::optional<DirectoryEntry> entry_for(const OpenPtr& open, const OpenDirectory::Row& row,
                                          bool plus, NodePtr& counted) REQUIRES(mount_.mutex);

  Mount& mount_;
  Bucket& bucket_;
  Lookup& lookup_;
};

/// The names in one page of a listing of `prefix`, in order of their keys: an object beside a
/// directory of the same name gets its other name, and the marker is shown only for its content.
/// `held_back` takes objects beside which a later page may still bring a directory.
std::vector<cache::ListedName> names_in(const std::string& prefix, const store::ListPage& page,
                                        std::vector<cache::ListedName>& held_back);

}  // namespace fs
