#include "fs/inode_table.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/format.h"

namespace fs {
namespace {

/// Adds what `node` brings with it to the counters of every directory from `directory` upwards, or
/// takes it away.
void count_above(const Node& node, Node* directory, bool more) {
  const std::uint64_t own = node.place.unpublished_below + (node.draft.unpublished() ? 1 : 0);
  if (node.is_directory()) {
    directory->place.directories += more ? 1U : ~0U;
  }
  for (Node* at = directory; own > 0 && at != nullptr; at = at->place.parent.get()) {
    at->place.unpublished_below += more ? own : std::uint64_t{0} - own;
  }
}

}  // namespace

InodeTable::InodeTable() {
  root_ = std::make_shared<Node>(kRoot, Description{});
  nodes_.emplace(root_->number, root_);
}

InodeTable::~InodeTable() {
  // Parents and children hold each other.
  for (const auto& [number, node] : nodes_) {
    node->place.children.clear();
    node->place.parent.reset();
  }
}

core::Result<NodePtr> InodeTable::find(InodeNumber number) const {
  const auto at = nodes_.find(number);
  if (at == nodes_.end()) {
    return core::fail(core::ErrorKind::Changed, core::format("no inode {}", number));
  }
  return at->second;
}

NodePtr InodeTable::child(const Node& directory, std::string_view name) {
  const auto at = directory.place.children.find(name);
  return at == directory.place.children.end() ? nullptr : at->second;
}

NodePtr InodeTable::add(const NodePtr& directory, std::string name, model::KeyComponent component,
                        InodeNumber number, Description about) {
  auto node = std::make_shared<Node>(number, std::move(about));
  const bool added = nodes_.emplace(number, node).second;
  CORE_CHECK(added);
  move(node, directory, std::move(name), std::move(component));
  if (on_crowded_ && most_ > 0 && nodes_.size() > most_) {
    on_crowded_();
  }
  return node;
}

std::size_t InodeTable::too_many() const {
  const std::size_t wanted = most_ - most_ / 8;
  return most_ > 0 && nodes_.size() > wanted ? nodes_.size() - wanted : 0;
}

void InodeTable::walk_on(std::size_t count, const std::function<void(const Node&)>& show) {
  const std::size_t buckets = nodes_.bucket_count();
  std::size_t shown = 0;
  for (std::size_t i = 0; i < buckets && shown < count; ++i) {
    hand_ = hand_ + 1 < buckets ? hand_ + 1 : 0;
    for (auto at = nodes_.begin(hand_); at != nodes_.end(hand_); ++at, ++shown) {
      show(*at->second);
    }
  }
}

void InodeTable::count_unpublished(const Node& node, bool more) {
  for (Node* at = node.place.parent.get(); at != nullptr; at = at->place.parent.get()) {
    at->place.unpublished_below += more ? std::uint64_t{1} : ~std::uint64_t{0};
  }
}

void InodeTable::detach(Node& node) {
  if (const NodePtr parent = std::exchange(node.place.parent, nullptr)) {
    count_above(node, parent.get(), false);
    parent->place.children.erase(node.place.name);
  }
}

void InodeTable::move(const NodePtr& node, const NodePtr& directory, std::string name,
                      model::KeyComponent component) {
  detach(*node);
  Place& place = node->place;
  place.parent = directory;
  place.name = std::move(name);
  place.component = std::move(component);
  const bool added = directory->place.children.emplace(place.name, node).second;
  CORE_CHECK(added);
  count_above(*node, directory.get(), true);
}

void InodeTable::drop_if_unused(NodePtr node) {
  while (node && !node->is_root() && node->uses.lookups == 0 && node->uses.handles == 0 &&
         !node->claimed.busy && node->claimed.sharers == 0 && node->claimed.below == 0 &&
         node->place.children.empty() && !node->draft.unpublished()) {
    const NodePtr parent = node->place.parent;
    if (parent && on_drop_) {
      on_drop_(*node);
    }
    detach(*node);
    nodes_.erase(node->number);
    // Whoever still looks at it must not take it for a thing in the tree.
    node->place.gone = !node->place.unlinked;
    node = parent;
  }
}

bool is_in_tree(const Node& node) {
  const Node* at = &node;
  while (at != nullptr && !at->is_root() && !at->is_out_of_tree()) {
    at = at->place.parent.get();
  }
  return at != nullptr && at->is_root();
}

std::string path_of(const Node& node) {
  std::vector<const Node*> up;
  const Node* at = &node;
  for (; at != nullptr && !at->is_root(); at = at->place.parent.get()) {
    up.push_back(at);
  }
  std::reverse(up.begin(), up.end());
  std::string path = at == nullptr ? "(removed)" : "";
  for (const Node* below : up) {
    path += path.empty() ? "" : "/";
    path += below->place.name;
  }
  return path;
}

core::Result<std::string> key_of(const Node& node, const std::string& prefix) {
  std::vector<const Node*> up;
  const Node* at = &node;
  for (; at != nullptr && !at->is_root(); at = at->place.parent.get()) {
    if (at->place.unlinked) {
      return core::fail(core::ErrorKind::NotFound, path_of(node) + " was removed");
    }
    up.push_back(at);
  }
  if (at == nullptr) {
    return core::fail(core::ErrorKind::Changed,
                      path_of(node) + " was removed or replaced by somebody else");
  }
  std::string key = prefix;
  for (auto it = up.rbegin(); it != up.rend(); ++it) {
    key += (*it)->place.component.text;
    if (it + 1 != up.rend()) {
      key += '/';
    }
  }
  if (node.is_directory() && !node.is_root()) {
    key += '/';
  }
  return key;
}

}  // namespace fs
