#include "fs/adoption.h"

#include <utility>

#include "fs/description.h"

namespace fs {
namespace {

/// Whether the node's object is known in the state that was found, and wholly.
bool is_known(const Node& node, const Found& found) {
  return node.stored && node.stored->whole && found.meta &&
         node.stored->is_same_state(found.meta->etag.text(), found.meta->last_modified);
}

const model::ETag& etag_of(const Found& found) {
  static const model::ETag none;
  return found.directory ? none : found.meta->etag;
}

}  // namespace

std::optional<Answer> known_of(const Mount& mount, const std::string& key,
                               const cache::ListedName* row, core::SteadyTime until) {
  if (row != nullptr) {
    auto found = found_in(mount.options, *row);
    if (!found && !row->directory) {
      found = mount.learnt.of_state(key, row->etag, row->last_modified);
    }
    if (found) {
      return Answer{std::move(found), until};
    }
  }
  return mount.learnt.fresh(key);
}

bool confirm(Node& node, const cache::ListedName& row, core::SteadyTime until) {
  if (row.directory || node.is_directory() || !node.stored ||
      !node.stored->is_same_state(row.etag, row.last_modified)) {
    return false;
  }
  node.fresh_until = until;
  return true;
}

bool discard(Mount& /*mount*/, const NodePtr& node) {
  if (node->is_local() || node->claimed.below > 0 || node->place.unpublished_below > 0) {
    return false;
  }
  node->place.gone = true;
  InodeTable::detach(*node);
  return true;
}

bool meet(Mount& mount, const NodePtr& node, const std::string& key, const Answer& answer) {
  if (node->is_local() || node->claimed.busy) {
    return true;
  }
  if (answer.found) {
    const Found& found = *answer.found;
    Description about = describe(mount.options, key, found);
    if (is_same_thing(*node, found, about)) {
      const bool was_known = is_known(*node, found);
      update(*node, key, found, std::move(about));
      node->fresh_until = answer.until;
      if ((!was_known && is_known(*node, found)) ||
          mount.learnt.number(key, etag_of(found)) != node->number) {
        mount.remember(*node, key);
      }
      return true;
    }
  }
  if (!discard(mount, node)) {
    node->fresh_until = mount.fresh_from_now();
    return true;
  }
  if (answer.found) {
    mount.counters.replaced_elsewhere.add();
  }
  return false;
}

NodePtr make_node(Mount& mount, const NodePtr& directory, const std::string& name,
                  const model::KeyComponent& component, const std::string& key,
                  const Answer& answer) {
  const Found& found = *answer.found;
  NodePtr node = mount.table.add(directory, name, component, mount.free_number(key, etag_of(found)),
                                 describe(mount.options, key, found));
  node->stored = stored_of(key, found);
  node->fresh_until = answer.until;
  mount.remember(*node, key);
  return node;
}

}  // namespace fs
