#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/key_index.h"
#include "fs/listing.h"
#include "fs/node.h"
#include "transfer/listings.h"

namespace fs {

/// One handle of a directory: a snapshot that grows as it is read, so that offsets stay good.
/// Guarded by Mount::mutex, but that `busy` says that one thread is reading, whose all the rest is.
struct OpenDirectory {
  struct Chunk {
    cache::KeyIndex::Page page;
    std::uint64_t first = 0;             ///< the place of its first name among all
    core::SteadyTime until{};            ///< how long it can be believed
    cache::KeyIndex::Ticket ticket = 0;  ///< of when it was asked for
  };
  /// What is read, and where the reading is.
  struct Snapshot {
    std::vector<Chunk> chunks;
    bool served = false;  ///< something was handed out; going back to the start means anew
    bool started = false;
    bool finished = false;
    ListingProgress progress;
    std::unique_ptr<transfer::Listing> listing;
    ListingWatch watch;

    [[nodiscard]] std::uint64_t size() const {
      return chunks.empty() ? 0 : chunks.back().first + chunks.back().page->size();
    }
  };

  NodePtr node;
  bool busy = false;
  std::string key;                      ///< of the node …
  std::optional<std::uint64_t> key_at;  ///< … as long as Mount::moves is this; nothing: not known
  Snapshot snapshot;
};

}  // namespace fs
