#include "emulator/service/request_documents.h"

#include <tinyxml2.h>

#include <charconv>
#include <string_view>
#include <utility>

#include "core/text.h"

namespace emulator {
namespace {

std::string child_text(const tinyxml2::XMLElement& parent, const char* name) {
  const tinyxml2::XMLElement* child = parent.FirstChildElement(name);
  const char* text = child == nullptr ? nullptr : child->GetText();
  return text == nullptr ? std::string() : std::string(text);
}

/// An ETag without the quotes that clients write in three ways.
std::string unquoted(std::string_view text) {
  text = core::trim(text);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  return std::string(text);
}

class Document {
 public:
  Document(const std::string& text, const char* root) {
    if (document_.Parse(text.data(), text.size()) == tinyxml2::XML_SUCCESS) {
      const tinyxml2::XMLElement* top = document_.RootElement();
      root_ = top != nullptr && std::string_view(top->Name()) == root ? top : nullptr;
    }
  }
  [[nodiscard]] const tinyxml2::XMLElement* root() const { return root_; }

 private:
  tinyxml2::XMLDocument document_;
  const tinyxml2::XMLElement* root_ = nullptr;
};

}  // namespace

std::optional<DeleteRequest> parse_delete(const std::string& text) {
  const Document document(text, "Delete");
  if (document.root() == nullptr) {
    return std::nullopt;
  }
  DeleteRequest request;
  request.quiet = core::equal_ignoring_case(child_text(*document.root(), "Quiet"), "true");
  for (const auto* object = document.root()->FirstChildElement("Object"); object != nullptr;
       object = object->NextSiblingElement("Object")) {
    request.items.push_back({child_text(*object, "Key"), child_text(*object, "VersionId")});
    if (request.items.back().key.empty()) {
      return std::nullopt;
    }
  }
  if (request.items.empty() || request.items.size() > 1000) {
    return std::nullopt;
  }
  return request;
}

std::optional<std::vector<PartName>> parse_complete(const std::string& text) {
  const Document document(text, "CompleteMultipartUpload");
  if (document.root() == nullptr) {
    return std::nullopt;
  }
  std::vector<PartName> parts;
  for (const auto* part = document.root()->FirstChildElement("Part"); part != nullptr;
       part = part->NextSiblingElement("Part")) {
    const std::string digits(core::trim(child_text(*part, "PartNumber")));
    PartName name;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), name.number);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
      return std::nullopt;
    }
    name.etag = unquoted(child_text(*part, "ETag"));
    parts.push_back(std::move(name));
  }
  if (parts.empty()) {
    return std::nullopt;
  }
  return parts;
}

std::optional<Pairs> parse_tagging(const std::string& text) {
  const Document document(text, "Tagging");
  const tinyxml2::XMLElement* set =
      document.root() == nullptr ? nullptr : document.root()->FirstChildElement("TagSet");
  if (set == nullptr) {
    return std::nullopt;
  }
  Pairs tags;
  for (const auto* tag = set->FirstChildElement("Tag"); tag != nullptr;
       tag = tag->NextSiblingElement("Tag")) {
    tags.emplace_back(child_text(*tag, "Key"), child_text(*tag, "Value"));
  }
  return tags;
}

std::optional<Versioning> parse_versioning(const std::string& text) {
  const Document document(text, "VersioningConfiguration");
  if (document.root() == nullptr) {
    return std::nullopt;
  }
  const std::string status = child_text(*document.root(), "Status");
  if (status == "Enabled") {
    return Versioning::Enabled;
  }
  return status == "Suspended" ? std::optional(Versioning::Suspended) : std::nullopt;
}

std::optional<unsigned> parse_restore(const std::string& text) {
  if (core::trim(text).empty()) {
    return 1;
  }
  const Document document(text, "RestoreRequest");
  if (document.root() == nullptr) {
    return std::nullopt;
  }
  const std::string digits(core::trim(child_text(*document.root(), "Days")));
  if (digits.empty()) {
    return 1;
  }
  unsigned days = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), days);
  const bool number = parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
  return number ? std::optional(days) : std::nullopt;
}

std::optional<std::string> parse_create_bucket(const std::string& text) {
  if (core::trim(text).empty()) {
    return std::string();
  }
  const Document document(text, "CreateBucketConfiguration");
  if (document.root() == nullptr) {
    return std::nullopt;
  }
  return child_text(*document.root(), "StorageClass");
}

}  // namespace emulator
