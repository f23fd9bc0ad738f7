#pragma once
#include <memory>
#include <vector>

#include "fs/node.h"
#include "transfer/downloads.h"

namespace fs {

/// One handle of a file. Guarded by Mount::mutex.
struct OpenFile {
  NodePtr node;
  bool writable = false;
  std::uint64_t lineage = 0;  ///< of the node when it was opened: which object's bytes it may see
  std::uint64_t epoch = 0;    ///< of the node when `reader` was made
  std::shared_ptr<transfer::Reader> reader;
  /// Readers of versions that we have since replaced; reads may still be under way on them.
  std::vector<std::shared_ptr<transfer::Reader>> retired;
};

}  // namespace fs
