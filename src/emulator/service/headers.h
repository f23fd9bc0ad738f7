#pragma once
// Between headers and stored values: metadata, ranges, conditions, and the spellings of either
// dialect.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/objects/objects.h"
#include "emulator/objects/storage.h"
#include "emulator/service/call.h"
#include "emulator/wire/errors.h"
#include "emulator/wire/reply.h"
#include "emulator/wire/xml.h"

namespace emulator {

constexpr std::string_view kOwnerId = "1750000000000000";

/// The namespace of this dialect's documents; OSS has none.
std::string_view ns_of(const Call& call);
/// "2024-01-02T03:04:05.000Z": one vendor client parses nothing else.
std::string list_time(core::WallTime time);
void add_owner(XmlWriter& xml);

/// The ETag as this dialect writes it, quotes included.
std::string etag_for(const Call& call, std::string_view etag);
/// "Standard" and "STANDARD" and their like.
std::string class_for(const Call& call, std::string_view storage_class);

/// The object that the request's headers describe: content headers, metadata, class, ACL, tags.
/// InvalidArgument, InvalidTag.
Outcome<Version> draft_of(const Call& call);
/// `x-oss-forbid-overwrite`, and for S3 If-None-Match: * and If-Match. InvalidArgument.
Outcome<PutRule> put_rule_of(const Call& call);
/// "k1=v1&k2=v2" with its limits. InvalidTag.
Outcome<Pairs> parse_tags(std::string_view text);
Outcome<bool> check_tags(const Pairs& tags);

struct Range {
  std::uint64_t first = 0;
  std::uint64_t length = 0;
};
/// Nothing: the whole object with 200. InvalidRange (416).
/// `standard`: x-oss-range-behavior: standard, or S3.
Outcome<std::optional<Range>> parse_range(std::string_view header, std::uint64_t size,
                                          bool standard);

/// If-Match and its three brothers; `prefix` is empty, or "x-oss-copy-source-".
/// PreconditionFailed, or the status 304.
Outcome<bool> check_conditions(const Call& call, const Version& version, std::string_view prefix);

/// Content headers and metadata as they were stored, in this dialect.
void add_stored_headers(Reply& reply, const Call& call, const Version& version);
/// x-oss-version-id, where the bucket has versions.
void add_version_id(Reply& reply, const Call& call, std::string_view id);
/// x-oss-server-side-*, as the answer to a write repeats them.
void add_encryption(Reply& reply, const Call& call, const Version& version);
/// Puts the encryption that `draft` names in the place of what `headers` had. Where it names none,
/// the copy is not encrypted, however its source is. Source: OSS API, "CopyObject".
void replace_encryption(Pairs& headers, const Version& draft);
/// Nobody is called from here, so that a callback that is asked for fails, after the object is
/// stored. Source: OSS API, "Callback": 203 CallbackFailed.
bool wants_callback(const Call& call);
ServiceError callback_failed();
void add_crc(Reply& reply, const Call& call, std::uint64_t crc64);

/// A whole number parameter. InvalidArgument.
Outcome<std::uint64_t> number_param(const Call& call, std::string_view name, std::uint64_t fallback,
                                    std::uint64_t least, std::uint64_t most);
bool valid_acl(std::string_view acl, bool object);
/// Whether we may have made it, or it means the object from before the versions.
bool valid_version_id(std::string_view id);
bool valid_utf8(std::string_view text);

}  // namespace emulator
