#include "fs/claims.h"

#include <algorithm>
#include <utility>

namespace fs {
namespace {

bool below_moving(const NodePtr& directory) {
  for (const Node* at = directory.get(); at != nullptr; at = at->place.parent.get()) {
    if (at->claimed.moving) {
      return true;
    }
  }
  return false;
}

bool node_free(const Node& node) {
  return !node.claimed.busy && node.claimed.sharers == 0 && !below_moving(node.place.parent);
}

bool is_free(const Mount& mount, const Wish& wish) REQUIRES(mount.mutex) {
  if (wish.across && mount.renaming_across) {
    return false;
  }
  for (const auto& [directory, name] : wish.names) {
    if (below_moving(directory) || mount.claimed_names.contains({directory->number, name})) {
      return false;
    }
  }
  return std::all_of(
             wish.trees.begin(), wish.trees.end(),
             [](const NodePtr& tree) { return node_free(*tree) && tree->claimed.below == 0; }) &&
         std::all_of(wish.nodes.begin(), wish.nodes.end(),
                     [](const NodePtr& node) { return node_free(*node); });
}

void add_above(const NodePtr& directory, std::vector<NodePtr>& above) {
  for (NodePtr at = directory; at; at = at->place.parent) {
    above.push_back(at);
  }
}

void ask_for_room(const Mount& mount, const Wish& wish) REQUIRES(mount.mutex) {
  for (const NodePtr& node : wish.nodes) {
    ask_for_room(mount, *node);
  }
  for (const NodePtr& tree : wish.trees) {
    for (const NodePtr& node : mount.drafts.unpublished()) {
      if (node->claimed.gives_way && lies_in(*node, tree)) {
        ask_for_room(mount, *node);
      }
    }
  }
}

}  // namespace

bool lies_in(const Node& node, const NodePtr& tree) {
  for (const Node* at = &node; at != nullptr; at = at->place.parent.get()) {
    if (at == tree.get()) {
      return true;
    }
  }
  return false;
}

void ask_for_room(const Mount& mount, Node& node) {
  if (auto stop = std::exchange(node.claimed.gives_way, nullptr)) {
    // What is called then may take locks.
    mount.parts.pool.post([stop = std::move(stop)] { stop->request_stop(); });
  }
}

core::Result<Claim> Claim::take(Mount& mount, const core::OpContext& context, Wish wish) {
  std::erase(wish.nodes, nullptr);
  std::erase(wish.trees, nullptr);
  auto held = std::make_unique<Held>();
  held->mount = &mount;
  held->wish = std::move(wish);
  const Waker waker(mount, context);
  const core::MutexLock lock(mount.mutex);
  while (!is_free(mount, held->wish)) {
    if (!held->wish.patient) {
      ask_for_room(mount, held->wish);
    }
    TRY(mount.wait(context));
  }
  const Wish& wanted = held->wish;
  for (const NodePtr& node : wanted.nodes) {
    node->claimed.busy = true;
    add_above(node->place.parent, held->above);
  }
  for (const NodePtr& tree : wanted.trees) {
    tree->claimed.busy = true;
    tree->claimed.moving = true;
    add_above(tree->place.parent, held->above);
  }
  for (const auto& [directory, name] : wanted.names) {
    mount.claimed_names.emplace(directory->number, name);
    add_above(directory, held->above);
  }
  for (const NodePtr& node : held->above) {
    ++node->claimed.below;
  }
  mount.renaming_across = mount.renaming_across || wanted.across;
  return Claim(std::move(held));
}

Claim::~Claim() {
  if (!held_) {
    return;
  }
  Mount& mount = *held_->mount;
  const Wish& wish = held_->wish;
  const core::MutexLock lock(mount.mutex);
  for (const NodePtr& node : held_->above) {
    --node->claimed.below;
  }
  for (const auto& [directory, name] : wish.names) {
    mount.claimed_names.erase({directory->number, name});
  }
  for (const NodePtr& node : wish.nodes) {
    node->claimed.busy = false;
  }
  for (const NodePtr& tree : wish.trees) {
    tree->claimed.busy = false;
    tree->claimed.moving = false;
  }
  mount.renaming_across = mount.renaming_across && !wish.across;
  for (const NodePtr& node : wish.nodes) {
    mount.settle_draft(node);
    mount.table.drop_if_unused(node);
  }
  for (const NodePtr& tree : wish.trees) {
    mount.table.drop_if_unused(tree);
  }
  for (const NodePtr& node : held_->above) {
    mount.table.drop_if_unused(node);
  }
  mount.changed.notify_all();
}

}  // namespace fs
