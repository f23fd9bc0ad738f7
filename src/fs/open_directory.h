#pragma once
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "cache/metadata_cache.h"
#include "fs/bucket.h"
#include "fs/node.h"

namespace fs {

/// One handle of a directory: a snapshot that grows as it is read, so that offsets stay good.
/// Guarded by Mount::mutex; `busy` says that one thread fetches the next page.
struct OpenDirectory {
  struct Row {
    std::shared_ptr<const cache::ListedName> listed;
    core::SteadyTime until{};    ///< how long it can be believed
    std::uint64_t changes = 0;   ///< Node::changes when it was asked for
    std::optional<Found> found;  ///< with --attributes exact
  };

  NodePtr node;
  std::vector<Row> rows;
  std::unordered_set<std::string> seen;
  bool busy = false;
  bool served = false;  ///< something was handed out; going back to the start means anew
  bool started = false;
  bool finished = false;
  std::string token;
  /// Objects at the end of a page beside which a directory of the same name may still come.
  std::vector<cache::ListedName> held_back;
  cache::MetadataCache::Ticket ticket = 0;
  core::SteadyTime since{};
};

}  // namespace fs
