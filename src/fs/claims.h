#pragma once
// Who may do what at the same time, without a lock across the network.
//
// An operation of several steps claims what it works on, all at once: names (to make or remove
// them), nodes (to upload, stage, rename or rewrite them), a whole tree (to rename it). While
// something is claimed others who want it wait. A claimed tree keeps everybody out of whatever lies
// below it, and is only granted when nobody is in there; a claim of anything therefore counts on
// all directories above it.
//
// Nobody holds a part while waiting for the rest of one claim. Who makes two claims takes names
// first, then nodes or a tree; renames from one directory to another go one at a time. So nobody
// waits in a circle.
#include <string>
#include <utility>
#include <vector>

#include "fs/mount.h"

namespace fs {

struct Wish {
  std::vector<std::pair<NodePtr, std::string>> names;  ///< in a directory
  std::vector<NodePtr> nodes;                          ///< null ones are ignored
  std::vector<NodePtr> trees;                          ///< directories with all below; null too
  bool across = false;                                 ///< a rename between directories
  bool patient = false;  ///< lets whoever works in the background finish
};

/// Whether a node is `tree`, or lies below it. Under Mount::mutex.
bool lies_in(const Node& node, const NodePtr& tree);

/// Asks whoever works on a node in the background to make room.
void ask_for_room(const Mount& mount, Node& node) REQUIRES(mount.mutex);

/// Ends with its life, which must not be under Mount::mutex.
class Claim {
 public:
  /// Errors: Timeout, Cancelled.
  static core::Result<Claim> take(Mount& mount, const core::OpContext& context, Wish wish);
  Claim(Claim&& other) noexcept = default;
  Claim& operator=(Claim&&) = delete;
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim();

 private:
  struct Held {
    Mount* mount = nullptr;
    Wish wish;
    std::vector<NodePtr> above;  ///< as it was when claimed; a rename changes it
  };
  explicit Claim(std::unique_ptr<Held> held) : held_(std::move(held)) {}

  std::unique_ptr<Held> held_;  ///< none: moved away
};

}  // namespace fs
