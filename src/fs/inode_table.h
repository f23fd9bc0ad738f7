#pragma once
// All nodes by number, and the tree that they form.
#include <functional>
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
  [[nodiscard]] bool contains(InodeNumber number) const { return nodes_.contains(number); }

  /// A new node, which leaves with drop_if_unused() unless somebody takes a count. `number` is
  /// free.
  NodePtr add(const NodePtr& directory, std::string name, model::KeyComponent component,
              InodeNumber number, Description about);
  /// Takes it out of the tree; handles keep it alive.
  static void detach(Node& node);
  static void move(const NodePtr& node, const NodePtr& directory, std::string name,
                   model::KeyComponent component);
  /// Lets go of what neither kernel nor handle nor unpublished content needs, and of parents kept
  /// for it.
  void drop_if_unused(NodePtr node);
  /// Called for each node in the tree that is about to be dropped.
  void on_drop(std::function<void(const Node&)> call) { on_drop_ = std::move(call); }

  /// What a node takes in memory with all that belongs to it, about.
  static constexpr std::size_t kNodeBytes = 1600;
  /// Has `call` called when a node was added and there are more than `most` (0: never).
  void on_crowded(std::size_t most, std::function<void()> call) {
    most_ = most;
    on_crowded_ = std::move(call);
  }
  /// How many should go, so that some may come before there are too many again.
  [[nodiscard]] std::size_t too_many() const;
  /// Shows `count` nodes or more, or all, each time others until all have been shown.
  void walk_on(std::size_t count, const std::function<void(const Node&)>& show);

  /// The directories above know how many nodes below hold what the bucket does not have: one more
  /// or less.
  static void count_unpublished(const Node& node, bool more);

 private:
  std::unordered_map<InodeNumber, NodePtr> nodes_;
  NodePtr root_;
  std::function<void(const Node&)> on_drop_;
  std::size_t most_ = 0;
  std::function<void()> on_crowded_;
  std::size_t hand_ = 0;  ///< the bucket of nodes_ that walk_on() shows next
};

/// Whether the way up from a node leads to the root.
bool is_in_tree(const Node& node);

/// "a/b/c" from the root down, for messages and --assume-dirs; names that are out of the tree
/// begin with "(removed)/".
std::string path_of(const Node& node);

/// The key of a file, or the key prefix of a directory (ends in '/', or is `prefix` for the root).
/// Errors: NotFound for what we removed, Changed for what somebody else did; NameTooLong,
///   InvalidArgument: the service takes no such key.
core::Result<std::string> key_of(const Node& node, const std::string& prefix);

}  // namespace fs
