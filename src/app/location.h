#pragma once
#include <string>
#include <string_view>

#include "core/result.h"

namespace app {

/// A part of a bucket.
struct Location {
  std::string bucket;
  std::string prefix;  ///< "" or "a/b/"

  /// "oss://bucket/a/b"
  [[nodiscard]] std::string text() const;
};

/// "oss://BUCKET[/PREFIX]", "BUCKET[:/PREFIX]". Errors: InvalidArgument; Unsupported for s3://.
core::Result<Location> parse_location(std::string_view source);
/// "a/b/" from "/a/b", "a/b", "a/b/"; empty from "" and "/".
std::string as_prefix(std::string_view path);

/// The least that a mount of `location` needs, as a RAM policy document.
/// Source: RAM, "Policy structure and syntax"; OSS, "RAM policies".
std::string session_policy(const Location& location, bool read_only);

}  // namespace app
