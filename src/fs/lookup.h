#pragma once
// From names to nodes, and from old knowledge to fresh: the tree first, then what is remembered,
// then the bucket.
#include <string_view>

#include "fs/bucket.h"
#include "fs/mount.h"

namespace fs {

/// Threads: any. Nothing here may be called with Mount::mutex held unless it says so.
class Lookup {
 public:
  Lookup(Mount& mount, Bucket& bucket) : mount_(mount), bucket_(bucket) {}

  /// The node of a name, as fresh as the metadata lifetime asks for.
  /// Errors: NotFound (also for a name that is none); NameTooLong.
  core::Result<NodePtr> find(const core::OpContext& context, const NodePtr& directory,
                             std::string_view name);

  /// The same with a lookup count taken, so that a forget at the same moment cannot drop the node.
  core::Result<NodePtr> find_counted(const core::OpContext& context, const NodePtr& directory,
                                     std::string_view name);

  enum class Need : std::uint8_t {
    Fresh,  ///< as the metadata lifetime allows
    Exact,  ///< fresh, and not from a listing
    Now,    ///< asked for now
  };
  struct Refreshed {
    bool replaced = false;  ///< somebody else has published another version
  };
  /// What the bucket says now of a node that is known.
  /// Errors: Changed: it is gone, or has become something else.
  core::Result<Refreshed> refresh(const core::OpContext& context, const NodePtr& node, Need need);

  /// Where the kernel's permissions came from a listing, they prove nothing to anybody but the
  /// mounting user. Errors: Denied.
  core::Status check_access(const Request& request, const NodePtr& node, int mask);

  /// Sets a node out of the tree that is no longer what it was, unless unsaved data lies in it or
  /// somebody is at work below it.
  static bool discard(const NodePtr& node);

 private:
  struct Known;
  core::Result<NodePtr> from_listing(const NodePtr& directory, NodePtr node, std::string_view name,
                                     const std::string& directory_key) REQUIRES(mount_.mutex);
  core::Status take_down(Known& known, const NodePtr& directory, const NodePtr& node,
                         std::string_view name) REQUIRES(mount_.mutex);
  core::Result<Found> ask(const core::OpContext& context, const Known& known);

  Mount& mount_;
  Bucket& bucket_;
};

}  // namespace fs
