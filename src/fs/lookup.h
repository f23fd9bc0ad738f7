#pragma once
// From names to nodes, and from old knowledge to fresh: the tree first, then what is remembered,
// then the bucket. What comes out is never a guess: a node's attributes are those of its object.
#include <string_view>

#include "fs/ahead.h"
#include "fs/bucket.h"
#include "fs/mount.h"
#include "fs/neighbours.h"

namespace fs {

/// Threads: any. Nothing here may be called with Mount::mutex held unless it says so.
class Lookup {
 public:
  Lookup(Mount& mount, Bucket& bucket, Ahead& ahead)
      : mount_(mount), bucket_(bucket), ahead_(ahead), neighbours_(mount, ahead) {}

  /// The node of a name, as fresh as the metadata lifetime asks for.
  /// Errors: NotFound (also for a name that is none); NameTooLong.
  core::Result<NodePtr> find(const core::OpContext& context, const NodePtr& directory,
                             std::string_view name);

  /// The same with a lookup count taken, so that a forget at the same moment cannot drop the node.
  core::Result<NodePtr> find_counted(const core::OpContext& context, const NodePtr& directory,
                                     std::string_view name);

  /// The node of a number, also of one that the kernel was told to forget, as far as the memory of
  /// what was learnt goes. Errors: Changed: that version has its name no more.
  core::Result<NodePtr> find_number(const core::OpContext& context, InodeNumber number);

  enum class Need : std::uint8_t {
    Fresh,  ///< as the metadata lifetime allows
    Whole,  ///< the same, with all metadata, also where listings are believed for attributes
    Now,    ///< asked for now
    Read,   ///< the same, for somebody who will read: the first bytes are fetched with it. What was
            ///< fetched so ahead of a program that reads one file after another counts as now.
  };
  /// Brings what is known of a node up to date. A node whose name leads to another thing now, or to
  /// nothing, is out of the tree from then on and stays what it was: that is no error.
  core::Status refresh(const core::OpContext& context, const NodePtr& node, Need need);
  /// The same. Errors: Changed where the node is out of the tree by somebody else's doing.
  core::Status refresh_present(const core::OpContext& context, const NodePtr& node, Need need);

  /// A name of the directory of this key is about to be made.
  void making(const std::string& directory_key) { neighbours_.made(directory_key); }
  /// A directory was made.
  void made(const std::string& directory_key) { neighbours_.born(directory_key); }

 private:
  struct Known;
  enum class Bytes : std::uint8_t;
  core::Status take_down(Known& known, const NodePtr& directory, const NodePtr& node,
                         std::string_view name) REQUIRES(mount_.mutex);
  /// Where nothing is known of a name, perhaps brings what is around it; true: look again.
  bool bring_neighbours(const core::OpContext& context, const Known& known);
  [[nodiscard]] std::optional<Answer> remembered(const Known& known) const;
  core::Result<Answer> ask(const core::OpContext& context, Known& known);
  using Question = core::Result<Found> (Lookup::*)(const core::OpContext&, Known&);
  /// The cheapest request that can confirm what we think it is.
  core::Result<Found> ask_about(const core::OpContext& context, Known& known);
  /// The same, and where that is not there, whatever has the name.
  core::Result<Found> ask_bucket(const core::OpContext& context, Known& known);
  /// Looks at an object by reading its first bytes; nothing where that cannot be told so.
  std::optional<Found> ask_by_reading(const core::OpContext& context, const Known& known);
  /// Asks the bucket, and takes note of what it says.
  core::Result<Answer> learn(const core::OpContext& context, Known& known, Question question);
  /// The node of what was found, made where there is none; none: all has to begin anew.
  core::Result<NodePtr> adopt(const NodePtr& directory, const Known& known, const Answer& answer)
      REQUIRES(mount_.mutex);

  Mount& mount_;
  Bucket& bucket_;
  Ahead& ahead_;
  Neighbours neighbours_;
};

}  // namespace fs
