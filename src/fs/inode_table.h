#pragma once
// All nodes by number, and the tree that they form. Numbers are counted up and never reused.
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/result.h"
#include "fs/node.h"

namespace fs {

/// Threads: guarded by Mount::mutex.
class InodeTable {
 public:
  InodeTable();
  InodeTable(const InodeTable&) = delete;
  InodeTable& operator=(const InodeTable&) = delete;
  ~InodeTable();

  [[nodiscard]] const NodePtr& root() const { return root_; }
  /// Errors: Changed (the kernel asks about what it was told to forget).
  [[nodiscard]] core::Result<NodePtr> find(InodeNumber number) const;
  [[nodiscard]] static NodePtr child(const Node& directory, std::string_view name);
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }

  /// A new node, which leaves with drop_if_unused() unless somebody takes a count.
  NodePtr add(const NodePtr& directory, std::string name, model::KeyComponent component);
  /// A number for what has no node (yet).
  InodeNumber mint() { return next_++; }
  /// Takes it out of the tree; handles keep it alive.
  static void detach(Node& node);
  static void move(const NodePtr& node, const NodePtr& directory, std::string name,
                   model::KeyComponent component);
  /// Lets go of what neither kernel nor handle nor unsaved data needs, and of parents kept for it.
  void drop_if_unused(NodePtr node);

  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [number, node] : nodes_) {
      visit(*node);
    }
  }

 private:
  std::unordered_map<InodeNumber, NodePtr> nodes_;
  NodePtr root_;
  InodeNumber next_ = kRoot;
};

/// Somewhere below lies what the bucket does not have yet.
bool has_dirty_below(const Node& directory);

/// "a/b/c" from the root down, for messages and --assume-dirs; names that are out of the tree
/// begin with "(removed)/".
std::string path_of(const Node& node);

/// The key of a file, or the key prefix of a directory (ends in '/', or is `prefix` for the root).
/// Errors: NotFound for what we removed, Changed for what somebody else did; NameTooLong,
///   InvalidArgument: the service takes no such key.
core::Result<std::string> key_of(const Node& node, const std::string& prefix);

}  // namespace fs
