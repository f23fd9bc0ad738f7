#pragma once
// The headers of objects: what we send and what an answer says.
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "oss/dialect.h"
#include "oss/store.h"
#include "store/keeping.h"
#include "store/object_store.h"

namespace oss {

/// What is asked of new objects.
store::ObjectSettings settings_of(const NewObjects& wanted, const Traits& traits);
/// How the object is to be kept. A copy on the server takes the tags along.
void add_settings(http::Headers& headers, const Traits& traits,
                  const store::ObjectSettings& settings, store::Carried carried);
/// The ACL alone: a link has no content to be encrypted, and its class is its target's.
void add_acl(http::Headers& headers, const Traits& traits, const store::ObjectSettings& settings);
/// Adds what is said of the content, and metadata. Errors: InvalidArgument, TooLarge.
core::Status add_attributes(http::Headers& headers, const Traits& traits,
                            const store::ObjectAttributes& attributes);
core::Status add_user_meta(http::Headers& headers, const Traits& traits,
                           const store::UserMeta& user);
/// The precondition as the service spells it. OSS cannot say Matches: see Capabilities.
void add_precondition(http::Headers& headers, const Traits& traits,
                      const store::Precondition& precondition);
/// "/bucket/key?versionId=…", encoded.
std::string copy_source(std::string_view bucket, const model::ObjectVersion& version);

/// Decimal digits and nothing else.
std::optional<std::uint64_t> number_header(const http::Headers& headers, std::string_view name);
/// OSS alone tells it.
std::optional<std::uint64_t> crc64_of(const http::Headers& headers);
model::ETag etag_of(const http::Headers& headers);

/// "bytes 0-9/200": half-open, and the size of the whole.
struct ContentRange {
  model::ByteRange range;
  std::uint64_t total = 0;
};
std::optional<ContentRange> content_range(const http::Headers& headers);

/// The metadata of the object `key` of `size` bytes from an answer about it.
store::ObjectMeta object_meta(const http::Headers& headers, const Traits& traits,
                              const model::ObjectKey& key, std::uint64_t size);
/// What a write's answer says of its result; what a look at it afterwards says.
store::Published published(const http::Headers& headers, const Traits& traits);
store::Published published(const store::ObjectMeta& meta);

}  // namespace oss
