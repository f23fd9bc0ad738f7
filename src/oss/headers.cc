#include "oss/headers.h"

#include <array>
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

/// Where a value of the port stands in a request and in an answer about an object.
struct ContentField {
  std::string store::ContentHeaders::*value;
  std::string_view name;
};
constexpr std::array kContentFields = {
    ContentField{&store::ContentHeaders::encoding, "Content-Encoding"},
    ContentField{&store::ContentHeaders::language, "Content-Language"},
    ContentField{&store::ContentHeaders::disposition, "Content-Disposition"},
    ContentField{&store::ContentHeaders::cache_control, "Cache-Control"},
    ContentField{&store::ContentHeaders::expires, "Expires"},
};

/// The same without the dialect's prefix; empty where the dialect has no such thing.
struct SettingsField {
  std::string store::ObjectSettings::*value;
  std::string_view oss;
  std::string_view s3;
  [[nodiscard]] std::string_view name(const Traits& traits) const {
    return traits.dialect == Dialect::Oss ? oss : s3;
  }
};
constexpr std::array kSettingsFields = {
    SettingsField{&store::ObjectSettings::storage_class, "storage-class", "storage-class"},
    SettingsField{&store::ObjectSettings::encryption, "server-side-encryption",
                  "server-side-encryption"},
    SettingsField{&store::ObjectSettings::encryption_key, "server-side-encryption-key-id",
                  "server-side-encryption-aws-kms-key-id"},
    SettingsField{&store::ObjectSettings::data_encryption, "server-side-data-encryption", ""},
};

std::string_view acl_header(const Traits& traits) {
  return traits.dialect == Dialect::Oss ? "object-acl" : "acl";
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
    headers.add(prefix + name, value);
  }
  return {};
}

core::Status add_attributes(http::Headers& headers, const Traits& traits,
                            const store::ObjectAttributes& attributes) {
  headers.set("Content-Type", attributes.content_type);
  for (const ContentField& field : kContentFields) {
    if (const std::string& value = attributes.content.*field.value; !value.empty()) {
      headers.set(std::string(field.name), value);
    }
  }
  return add_user_meta(headers, traits, attributes.user);
}

store::ObjectSettings settings_of(const NewObjects& wanted, const Traits& traits) {
  store::ObjectSettings settings;
  settings.storage_class = wanted.storage_class;
  settings.encryption = wanted.encryption;
  settings.encryption_key = wanted.encryption_key;
  settings.acl.emplace();
  if (!wanted.acl.empty()) {
    settings.acl->emplace_back(acl_header(traits), wanted.acl);
  }
  return settings;
}

void add_acl(http::Headers& headers, const Traits& traits, const store::ObjectSettings& settings) {
  if (settings.acl) {
    for (const auto& [name, value] : *settings.acl) {
      headers.set(traits.header(name), value);
    }
  }
}

void add_settings(http::Headers& headers, const Traits& traits,
                  const store::ObjectSettings& settings, store::Carried carried) {
  add_acl(headers, traits, settings);
  for (const SettingsField& field : kSettingsFields) {
    const std::string& value = settings.*field.value;
    if (!value.empty() && !field.name(traits).empty()) {
      headers.set(traits.header(field.name(traits)), value);
    }
  }
  if (carried == store::Carried::All && settings.tags && !settings.tags->empty()) {
    std::string text;
    for (const auto& [name, value] : *settings.tags) {
      text += text.empty() ? "" : "&";
      text += core::percent_encode(name) + '=' + core::percent_encode(value);
    }
    headers.set(traits.header("tagging"), text);
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
                              const model::ObjectKey& key, std::uint64_t size) {
  store::ObjectMeta meta;
  meta.size = size;
  meta.etag = etag_of(headers);
  meta.last_modified =
      core::parse_http_date(headers.get("Last-Modified").value_or("")).value_or(core::WallTime{});
  meta.type = type_of(headers.get("x-oss-object-type").value_or(""));
  meta.content_type = headers.get("Content-Type").value_or("");
  for (const ContentField& field : kContentFields) {
    meta.content.*field.value = headers.get(field.name).value_or("");
  }
  for (const SettingsField& field : kSettingsFields) {
    if (!field.name(traits).empty()) {
      meta.settings.*field.value = headers.get(traits.header(field.name(traits))).value_or("");
    }
  }
  meta.settings.origin = key;
  if (number_header(headers, traits.header("tagging-count")).value_or(0) == 0) {
    meta.settings.tags.emplace();
  }
  meta.served_at = core::parse_http_date(headers.get("Date").value_or(""));
  meta.version_id = headers.get(traits.header("version-id")).value_or("");
  meta.crc64 = crc64_of(headers);
  const std::string prefix = traits.header("meta-");
  for (const auto& [name, value] : headers.fields()) {
    const std::string lower = core::to_lower(name);
    if (lower.starts_with(prefix)) {
      meta.user.insert_or_assign(lower.substr(prefix.size()), std::string(value));
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
  result.settings = meta.settings;
  return result;
}

}  // namespace oss
