#include "fs/inode_table.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/format.h"

namespace fs {

InodeTable::InodeTable() {
  root_ = std::make_shared<Node>(mint());
  nodes_.emplace(root_->number, root_);
}

InodeTable::~InodeTable() {
  // Parents and children hold each other.
  for (const auto& [number, node] : nodes_) {
    node->children.clear();
    node->parent.reset();
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
  const auto at = directory.children.find(name);
  return at == directory.children.end() ? nullptr : at->second;
}

NodePtr InodeTable::add(const NodePtr& directory, std::string name, model::KeyComponent component) {
  auto node = std::make_shared<Node>(mint());
  nodes_.emplace(node->number, node);
  move(node, directory, std::move(name), std::move(component));
  return node;
}

void InodeTable::detach(Node& node) {
  if (const NodePtr parent = std::exchange(node.parent, nullptr)) {
    parent->children.erase(node.name);
  }
}

void InodeTable::move(const NodePtr& node, const NodePtr& directory, std::string name,
                      model::KeyComponent component) {
  detach(*node);
  node->parent = directory;
  node->name = std::move(name);
  node->component = std::move(component);
  const bool added = directory->children.emplace(node->name, node).second;
  CORE_CHECK(added);
}

void InodeTable::drop_if_unused(NodePtr node) {
  while (node && !node->is_root() && node->lookups == 0 && node->handles == 0 && !node->busy &&
         node->sharers == 0 && node->claims_below == 0 && node->children.empty() &&
         (!node->dirty || node->unlinked)) {
    const NodePtr parent = node->parent;
    detach(*node);
    nodes_.erase(node->number);
    // Whoever still looks at it must not take it for a thing in the tree.
    node->gone = !node->unlinked;
    node = parent;
  }
}

bool has_dirty_below(const Node& directory) {
  return std::any_of(directory.children.begin(), directory.children.end(), [](const auto& entry) {
    const Node& node = *entry.second;
    return node.is_directory() ? has_dirty_below(node) : node.is_local();
  });
}

std::string path_of(const Node& node) {
  std::vector<const Node*> up;
  const Node* at = &node;
  for (; at != nullptr && !at->is_root(); at = at->parent.get()) {
    up.push_back(at);
  }
  std::reverse(up.begin(), up.end());
  std::string path = at == nullptr ? "(removed)" : "";
  for (const Node* below : up) {
    path += path.empty() ? "" : "/";
    path += below->name;
  }
  return path;
}

core::Result<std::string> key_of(const Node& node, const std::string& prefix) {
  std::vector<const Node*> up;
  const Node* at = &node;
  for (; at != nullptr && !at->is_root(); at = at->parent.get()) {
    if (at->unlinked) {
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
    key += (*it)->component.text;
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
