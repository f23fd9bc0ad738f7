#pragma once
// Where the bucket's word meets the tree: what becomes of the node of a name once a look or a
// listing has told what is there. Whether an answer came too late for that, its caller knows.
#include <memory>
#include <optional>
#include <string>

#include "cache/listed_page.h"
#include "fs/learnt.h"
#include "fs/mount.h"

namespace fs {

/// What need not be asked of `key`: what its row of a listing (null: there is none), good until
/// `until`, tells for certain or what is known of the state that it shows; else what was told a
/// moment ago. Shape: if anything, then of something found.
std::optional<Answer> known_of(const Mount& mount, const std::string& key,
                               const cache::ListedName* row, core::SteadyTime until);

/// Whether a row of a listing shows the very state that a node is known in; it is fresh then.
bool confirm(Node& node, const cache::ListedName& row, core::SteadyTime until);

/// Brings `node`, whose key is `key`, up to date with what is under its name, and sets it out of
/// the tree where that is another thing by now, or nothing. What is ours stays: what the bucket
/// does not have, what somebody works on, and directories above such. Returns whether the node
/// still has its name.
bool meet(Mount& mount, const NodePtr& node, const std::string& key, const Answer& answer)
    REQUIRES(mount.mutex);

/// A node of what was found under a name that no node has.
NodePtr make_node(Mount& mount, const NodePtr& directory, const std::string& name,
                  const model::KeyComponent& component, const std::string& key,
                  const Answer& answer) REQUIRES(mount.mutex);

/// Sets a node out of the tree that is no longer what it was, unless something of ours is in it or
/// below. Returns whether it went.
bool discard(Mount& mount, const NodePtr& node) REQUIRES(mount.mutex);

}  // namespace fs
