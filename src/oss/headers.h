#pragma once
// The headers of objects: what we send and what an answer says.
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "oss/dialect.h"
#include "oss/store.h"
#include "store/object_store.h"

namespace oss {

/// Adds Content-Type and metadata. Errors: InvalidArgument, TooLarge.
/// What `wanted` says of a new object. A link has no content to be encrypted, and its class is its
/// target's: it takes the ACL alone.
void add_new_object(http::Headers& headers, const Traits& traits, const NewObjects& wanted);
void add_new_link(http::Headers& headers, const Traits& traits, const NewObjects& wanted);
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

/// The metadata of an object of `size` bytes from the headers of an answer about it.
store::ObjectMeta object_meta(const http::Headers& headers, const Traits& traits,
                              std::uint64_t size);
/// What a write's answer says of its result; what a look at it afterwards says.
store::Published published(const http::Headers& headers, const Traits& traits);
store::Published published(const store::ObjectMeta& meta);

}  // namespace oss
