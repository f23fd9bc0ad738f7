#pragma once
#include <string>
#include <string_view>

#include "core/result.h"
#include "oss/dialect.h"
#include "policy/documents.h"

namespace app {

/// A part of a bucket.
struct Location {
  std::string bucket;
  std::string prefix;  ///< "" or "a/b/"
  oss::Dialect dialect = oss::Dialect::Oss;

  /// "oss://bucket/a/b", "s3://bucket/a/b"
  [[nodiscard]] std::string text() const;
  /// What its service writes policies in.
  [[nodiscard]] const policy::Grammar& grammar() const;
};

/// "oss://BUCKET[/PREFIX]", "s3://BUCKET[/PREFIX]", "BUCKET[:/PREFIX]" (OSS).
/// Errors: InvalidArgument.
core::Result<Location> parse_location(std::string_view source);
/// Errors: InvalidArgument for what no key begins with.
core::Status check_prefix(std::string_view prefix);
/// "a/b/" from "/a/b", "a/b", "a/b/"; empty from "" and "/".
std::string as_prefix(std::string_view path);

}  // namespace app
