#pragma once
// What the two dialects say differently. Everything else about an operation is the same.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/object_key.h"
#include "store/object_store.h"

namespace oss {

enum class Dialect : std::uint8_t { Oss, S3 };

/// The value of a dialect: words, and what a service that speaks it can do. Immutable.
struct Traits {
  Dialect dialect = Dialect::Oss;
  std::string_view header_prefix;  ///< "x-oss-", "x-amz-"
  std::string_view service_name;   ///< in the scope of a version 4 signature
  std::string_view error_header;   ///< holds the error document where a HEAD has no body
  store::Capabilities can;
  /// Some S3 services compare a condition's ETag with its quotes, and find none that fits.
  bool conditions_quote_etags = true;
  /// The service keeps the condition on the source of every copy. Some S3 services ignore it.
  bool copies_heed_source = true;
  /// ListObjectsV2 encodes its token like the names in it.
  bool encodes_tokens = true;

  /// "x-oss-NAME", "x-amz-NAME".
  [[nodiscard]] std::string header(std::string_view name) const;
  /// An ETag as If-Match and the like take it.
  [[nodiscard]] std::string condition(const model::ETag& etag) const;
};

const Traits& traits_of(Dialect dialect);

}  // namespace oss
