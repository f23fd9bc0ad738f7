#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "core/time.h"
#include "model/object_key.h"

namespace state {

/// What was learnt of one version of an object, or of a directory (its key ends in '/').
struct Remembered {
  std::string key;
  model::ETag etag;  ///< empty: a directory without a marker
  core::WallTime last_modified;
  std::uint64_t inode = 0;                   ///< 0: none; below 2^63
  std::map<std::string, std::string> facts;  ///< what HEAD said; of no meaning to this room
  friend bool operator==(const Remembered&, const Remembered&) = default;
};

}  // namespace state
