#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fs/bucket.h"
#include "fs/claims.h"
#include "fs/content.h"
#include "fs/lookup.h"
#include "fs/removal.h"

namespace fs {

/// rename(2) by copying and deleting: at no moment does neither name lead to the content, and
/// nothing is deleted before everything has been copied.
/// Threads: any; calls block.
class Renaming {
 public:
  Renaming(Mount& mount, Bucket& bucket, Lookup& lookup, Content& content, Removal& removal)
      : mount_(mount), bucket_(bucket), lookup_(lookup), content_(content), removal_(removal) {}

  core::Status rename(const Request& request, InodeNumber parent, std::string_view name,
                      InodeNumber new_parent, std::string_view new_name, unsigned flags);

 private:
  struct Move {
    NodePtr from;
    NodePtr to;
    std::string name;
    std::string new_name;
    model::KeyComponent component;  ///< of the new name
    bool replace = true;            ///< what has the new name
    NodePtr source;
    NodePtr target;  ///< may be none
  };
  core::Status check(const Move& move) const;
  core::Status rename_file(const core::OpContext& context, const Move& move);
  core::Status rename_directory(const core::OpContext& context, const Move& move);
  /// The content and what it is, under the new key. The node then says so.
  core::Status put_under(const core::OpContext& context, const Move& move, const std::string& key);
  void finish(const Move& move) REQUIRES(mount_.mutex);

  // Directories.
  struct Copied {
    model::ObjectKey from;
    model::ObjectKey to;
    model::ETag version;  ///< of `from`, which was copied
    store::Published published;
  };
  core::Result<std::vector<store::ListedObject>> list_tree(const core::OpContext& context,
                                                           const std::string& prefix);
  core::Result<std::vector<Copied>> copy_tree(const core::OpContext& context,
                                              const std::vector<store::ListedObject>& objects,
                                              const std::string& from, const std::string& to,
                                              const std::string& to_path);
  core::Result<Copied> copy_object(const core::OpContext& context,
                                   const store::ListedObject& object, const std::string& from,
                                   const std::string& to, const std::string& to_path);
  /// What could not be taken back of a rename that failed stays under the new name until it is
  /// tried again: whether all that lies below `to` is such a copy of one of `objects`.
  core::Result<bool> holds_only_leftovers(const core::OpContext& context,
                                          const std::vector<store::ListedObject>& objects,
                                          const std::string& from, const std::string& to);
  void follow(const NodePtr& directory, const std::string& to, const std::vector<Copied>& copies);

  Mount& mount_;
  Bucket& bucket_;
  Lookup& lookup_;
  Content& content_;
  Removal& removal_;
  core::Mutex leftovers_mutex_{core::LockRank::Leaf};
  std::unordered_map<std::string, model::ETag> leftovers_ GUARDED_BY(leftovers_mutex_);
};

}  // namespace fs
