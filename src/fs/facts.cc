#include "fs/facts.h"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace fs {
namespace {

constexpr std::string_view kUser = "user.";

/// Texts of an object by their names among the facts.
struct Text {
  std::string_view name;
  std::string& (*of)(store::ObjectMeta& meta);
};
constexpr std::array kTexts = {
    Text{"type", [](store::ObjectMeta& m) -> std::string& { return m.content_type; }},
    Text{"version", [](store::ObjectMeta& m) -> std::string& { return m.version_id; }},
    Text{"encoding", [](store::ObjectMeta& m) -> std::string& { return m.content.encoding; }},
    Text{"language", [](store::ObjectMeta& m) -> std::string& { return m.content.language; }},
    Text{"disposition", [](store::ObjectMeta& m) -> std::string& { return m.content.disposition; }},
    Text{"cache", [](store::ObjectMeta& m) -> std::string& { return m.content.cache_control; }},
    Text{"expires", [](store::ObjectMeta& m) -> std::string& { return m.content.expires; }},
    Text{"class", [](store::ObjectMeta& m) -> std::string& { return m.settings.storage_class; }},
    Text{"sse", [](store::ObjectMeta& m) -> std::string& { return m.settings.encryption; }},
    Text{"key", [](store::ObjectMeta& m) -> std::string& { return m.settings.encryption_key; }},
    Text{"method", [](store::ObjectMeta& m) -> std::string& { return m.settings.data_encryption; }},
};

template <class Number>
std::optional<Number> number(const std::map<std::string, std::string>& facts, const char* name) {
  const auto at = facts.find(name);
  if (at == facts.end()) {
    return std::nullopt;
  }
  Number value{};
  const char* const end = at->second.data() + at->second.size();
  const auto read = std::from_chars(at->second.data(), end, value);
  return read.ec == std::errc() && read.ptr == end ? std::optional(value) : std::nullopt;
}

}  // namespace

std::map<std::string, std::string> to_facts(const store::ObjectMeta& meta) {
  std::map<std::string, std::string> facts;
  facts["size"] = std::to_string(meta.size);
  facts["kind"] = std::to_string(static_cast<int>(meta.type));
  if (meta.crc64) {
    facts["crc64"] = std::to_string(*meta.crc64);
  }
  if (meta.settings.tags) {
    facts["tags"] = "none";  // a look tells whether there are some
  }
  store::ObjectMeta texts = meta;
  for (const Text& text : kTexts) {
    if (std::string& value = text.of(texts); !value.empty()) {
      facts.emplace(text.name, std::move(value));
    }
  }
  for (const auto& [name, value] : meta.user) {
    facts.emplace(std::string(kUser) + name, value);
  }
  return facts;
}

std::optional<store::ObjectMeta> from_facts(const state::Remembered& about) {
  const auto size = number<std::uint64_t>(about.facts, "size");
  const auto kind = number<unsigned>(about.facts, "kind");
  if (!size || !kind || *kind > static_cast<unsigned>(store::ObjectType::Symlink)) {
    return std::nullopt;
  }
  store::ObjectMeta meta;
  meta.size = *size;
  meta.type = static_cast<store::ObjectType>(*kind);
  meta.etag = about.etag;
  meta.last_modified = about.last_modified;
  meta.crc64 = number<std::uint64_t>(about.facts, "crc64");
  meta.settings.origin = model::ObjectKey(about.key);
  if (about.facts.contains("tags")) {
    meta.settings.tags.emplace();
  }
  for (const Text& text : kTexts) {
    if (const auto at = about.facts.find(std::string(text.name)); at != about.facts.end()) {
      text.of(meta) = at->second;
    }
  }
  for (auto at = about.facts.lower_bound(std::string(kUser));
       at != about.facts.end() && at->first.starts_with(kUser); ++at) {
    meta.user.emplace(at->first.substr(kUser.size()), at->second);
  }
  return meta;
}

}  // namespace fs
