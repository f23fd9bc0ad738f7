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
  model::ObjectVersion version;  ///< what `reader` reads
  std::shared_ptr<transfer::Reader> reader;
  /// Readers of versions that we have since replaced; reads may still be under way on them.
  std::vector<std::shared_ptr<transfer::Reader>> retired;
};

}  // namespace fs
