#pragma once
#include <cstdint>

namespace transfer {

class UploadLog;

struct UploadOptions {
  std::uint64_t multipart_threshold_bytes = 16ULL << 20U;  ///< below: one PutObject
  std::uint64_t part_bytes = 8ULL << 20U;                  ///< grows so that the part limit is kept
  unsigned connections = 8;  ///< part uploads under way at once, per mount
  UploadLog* log = nullptr;  ///< of what is under way; outlives the uploads
};

}  // namespace transfer
