#pragma once
#include <memory>
#include <string>
#include <vector>

#include "fs/bucket.h"
#include "fs/lookup.h"
#include "fs/open_directory.h"
#include "fs/walks.h"

namespace fs {

/// Reading directories: pages of the bucket's listing as they are needed, with what only we know
/// added and what we removed left out. A name costs no look at its object; its attributes come
/// along where they are known for certain.
/// Threads: any; calls block.
class Directories {
 public:
  Directories(Mount& mount, Bucket& bucket, Ahead& ahead)
      : mount_(mount), bucket_(bucket), ahead_(ahead), walks_(mount) {}

  core::Result<FileHandle> open(InodeNumber inode);
  core::Status read(const Request& request, FileHandle handle, std::uint64_t offset, bool plus,
                    const DirectoryFill& fill);
  void release(FileHandle handle);

 private:
  using OpenPtr = std::shared_ptr<OpenDirectory>;
  using Snapshot = OpenDirectory::Snapshot;

  core::Status fetch(const Request& request, const NodePtr& directory, Snapshot& snapshot);
  core::Status next_page(const core::OpContext& context, Snapshot& snapshot);
  void begin_listing(Snapshot& snapshot);
  /// Adds a page behind the others, if there is anything in it.
  void append(Snapshot& snapshot, cache::KeyIndex::Page page, core::SteadyTime until,
              cache::KeyIndex::Ticket ticket);
  /// Names that no listing shows: of content that is not published yet, and of --assume-dirs.
  cache::KeyIndex::Page unlisted(const NodePtr& directory, const Snapshot& snapshot);
  core::Status fill_from(const Request& request, const OpenPtr& open, std::uint64_t offset,
                         bool plus, const DirectoryFill& fill);
  /// What to hand out for a name; nothing if it is no more. `counted` got a lookup count.
  std::optional<DirectoryEntry> entry_for(OpenDirectory& open, const OpenDirectory::Chunk& chunk,
                                          const cache::ListedName& listed, bool plus,
                                          NodePtr& counted) REQUIRES(mount_.mutex);
  /// The node of a name that a listing shows, brought up to date as far as that is certain.
  NodePtr node_for(const NodePtr& directory, const OpenDirectory::Chunk& chunk,
                   const cache::ListedName& listed, const std::string& key, bool may_add)
      REQUIRES(mount_.mutex);

  /// The key prefix of a directory that is in the tree; null: it is not.
  const std::string* key_of(OpenDirectory& open) REQUIRES(mount_.mutex);

  Mount& mount_;
  Bucket& bucket_;
  Ahead& ahead_;
  Walks walks_;
};

}  // namespace fs
