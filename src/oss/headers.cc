#include "oss/headers.h"

#include <charconv>

#include "core/text.h"
#include "store/user_meta.h"

namespace oss {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stopped == end ? std::optional(value) : std::nullopt;
}

store::ObjectType type_of(std::string_view text) {
  if (text == "Multipart") {
    return store::ObjectType::Multipart;
  }
  if (text == "Appendable") {
    return store::ObjectType::Appendable;
  }
  return text == "Symlink" ? store::ObjectType::Symlink : store::ObjectType::Normal;
}

}  // namespace

core::Status add_user_meta(http::Headers& headers, const Traits& traits,
                           const store::UserMeta& user) {
  const std::string prefix = traits.header("meta-");
  TRY(store::check_user_meta(user, prefix));
  for (const auto& [name, value] : user) {
    headers.add(prefix + name, store::encode_meta_value(value));
  }
  return {};
}

core::Status add_attributes(http::Headers& headers, const Traits& traits,
                            const store::ObjectAttributes& attributes) {
  headers.set("Content-Type", attributes.content_type);
  return add_user_meta(headers, traits, attributes.user);
}

void add_new_link(http::Headers& headers, const Traits& traits, const NewObjects& wanted) {
  if (!wanted.acl.empty()) {
    headers.set(traits.header(traits.dialect == Dialect::Oss ? "object-acl" : "acl"), wanted.acl);
  }
}

void add_new_object(http::Headers& headers, const Traits& traits, const NewObjects& wanted) {
  add_new_link(headers, traits, wanted);
  if (!wanted.storage_class.empty()) {
    headers.set(traits.header("storage-class"), wanted.storage_class);
  }
  if (!wanted.encryption.empty()) {
    headers.set(traits.header("server-side-encryption"), wanted.encryption);
  }
  if (!wanted.encryption_key.empty()) {
    headers.set(
        traits.header(traits.dialect == Dialect::Oss ? "server-side-encryption-key-id"
                                                     : "server-side-encryption-aws-kms-key-id"),
        wanted.encryption_key);
  }
}

void add_precondition(http::Headers& headers, const Traits& traits,
                      const store::Precondition& precondition) {
  using Kind = store::Precondition::Kind;
  if (traits.dialect == Dialect::Oss) {
    if (precondition.kind == Kind::Absent) {
      headers.set("x-oss-forbid-overwrite", "true");
    }
  } else if (precondition.kind == Kind::Absent) {
    headers.set("If-None-Match", "*");
  } else if (precondition.kind == Kind::Matches) {
    headers.set("If-Match", traits.condition(precondition.etag));
  }
}

std::string copy_source(std::string_view bucket, const model::ObjectVersion& version) {
  std::string out =
      "/" + std::string(bucket) + "/" + core::percent_encode(version.key.text(), true);
  if (!version.version_id.empty()) {
    out += "?versionId=" + core::percent_encode(version.version_id);
  }
  return out;
}

std::optional<std::uint64_t> number_header(const http::Headers& headers, std::string_view name) {
  const auto text = headers.get(name);
  return text ? number(*text) : std::nullopt;
}

std::optional<std::uint64_t> crc64_of(const http::Headers& headers) {
  return number_header(headers, "x-oss-hash-crc64ecma");
}

model::ETag etag_of(const http::Headers& headers) {
  return model::ETag(headers.get("ETag").value_or(""));
}

std::optional<ContentRange> content_range(const http::Headers& headers) {
  std::string_view text = headers.get("Content-Range").value_or("");
  constexpr std::string_view kUnit = "bytes ";
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  if (!text.starts_with(kUnit) || dash == text.npos || slash == text.npos || slash < dash) {
    return std::nullopt;
  }
  const auto first = number(text.substr(kUnit.size(), dash - kUnit.size()));
  const auto last = number(text.substr(dash + 1, slash - dash - 1));
  const auto total = number(text.substr(slash + 1));
  if (!first || !last || !total || *first > *last || *last >= *total) {
    return std::nullopt;
  }
  return ContentRange{{*first, *last + 1}, *total};
}

store::ObjectMeta object_meta(const http::Headers& headers, const Traits& traits,
                              std::uint64_t size) {
  store::ObjectMeta meta;
  meta.size = size;
  meta.etag = etag_of(headers);
  meta.last_modified =
      core::parse_http_date(headers.get("Last-Modified").value_or("")).value_or(core::WallTime{});
  meta.type = type_of(headers.get("x-oss-object-type").value_or(""));
  meta.content_type = headers.get("Content-Type").value_or("");
  meta.storage_class = headers.get(traits.header("storage-class")).value_or("");
  meta.version_id = headers.get(traits.header("version-id")).value_or("");
  meta.crc64 = crc64_of(headers);
  const std::string prefix = traits.header("meta-");
  for (const auto& [name, value] : headers.fields()) {
    const std::string lower = core::to_lower(name);
    if (lower.starts_with(prefix)) {
      meta.user.insert_or_assign(lower.substr(prefix.size()), store::decode_meta_value(value));
    }
  }
  return meta;
}

store::Published published(const http::Headers& headers, const Traits& traits) {
  store::Published result;
  result.etag = etag_of(headers);
  result.version_id = headers.get(traits.header("version-id")).value_or("");
  result.crc64 = crc64_of(headers);
  if (const auto modified = headers.get("Last-Modified")) {
    result.last_modified = core::parse_http_date(*modified);
  }
  return result;
}

store::Published published(const store::ObjectMeta& meta) {
  store::Published result;
  result.etag = meta.etag;
  result.version_id = meta.version_id;
  result.crc64 = meta.crc64;
  result.last_modified = meta.last_modified;
  return result;
}

}  // namespace oss
