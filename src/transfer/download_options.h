#pragma once
#include <cstdint>

#include "core/time.h"

namespace transfer {

class RequestRate;

struct DownloadOptions {
  std::uint64_t cache_bytes = 192ULL << 20U;  ///< blocks in memory, prefetched ones included
  std::uint64_t window_bytes = 64ULL << 20U;  ///< most that one sequential reader runs ahead
  unsigned connections = 64;                  ///< range requests under way at once, per mount
  /// How long a single range may take, however patient the reader.
  core::Duration request_timeout = std::chrono::seconds{300};
  RequestRate* rate = nullptr;  ///< of what can be spared; none: the service is never asked
};

}  // namespace transfer
