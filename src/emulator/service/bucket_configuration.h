#pragma once
// The settings that a bucket can have and ours never do: what the service says to who asks for
// them. Source: OSS API, "Operations on buckets"; Amazon S3 API, "GetBucket…".
#include <string_view>

#include "emulator/wire/message.h"

namespace emulator {

struct BucketConfiguration {
  /// How one dialect answers a GET: with this code (404), or with this document.
  struct Absence {
    std::string_view code;
    std::string_view document;  ///< the whole of it; empty: the code
    [[nodiscard]] bool known() const { return !code.empty() || !document.empty(); }
  };
  std::string_view name;   ///< the sub-resource
  std::string_view right;  ///< "BucketLifecycle": with Get or Delete in front, the action
  Absence oss;
  Absence s3;
  bool deletable = true;  ///< the service has a DELETE for it

  [[nodiscard]] const Absence& absence(Dialect dialect) const {
    return dialect == Dialect::S3 ? s3 : oss;
  }
};

/// Null if it is none of those.
const BucketConfiguration* bucket_configuration(std::string_view name);

}  // namespace emulator
