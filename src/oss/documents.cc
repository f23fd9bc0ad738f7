#include "oss/documents.h"

#include <algorithm>

#include "core/format.h"
#include "core/text.h"
#include "oss/xml.h"

namespace oss {
namespace {

using tinyxml2::XMLElement;

core::Error nonsense(std::string_view why) {
  return core::fail(core::ErrorKind::Protocol, core::format("the answer makes no sense: {}", why));
}

/// Decodes names as the answer says that they are encoded.
class Names {
 public:
  Names(const XMLElement& root, const Traits& traits)
      : url_(child_text(root, "EncodingType") == "url"), traits_(traits) {}

  [[nodiscard]] core::Result<std::string> decode(std::string_view text) const {
    // A blank in an encoded name is '+', a literal plus is %2B.
    return decode(text, true);
  }
  /// A token is not a name: nobody puts a blank into it.
  [[nodiscard]] core::Result<std::string> decode_token(std::string_view text) const {
    if (!traits_.encodes_tokens) {
      return text.empty() ? core::Result<std::string>(nonsense("no token for the next page"))
                          : std::string(text);
    }
    return decode(text, false);
  }

 private:
  [[nodiscard]] core::Result<std::string> decode(std::string_view text, bool plus_is_blank) const {
    const bool printable =
        std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
    const bool believable =
        printable || (traits_.dialect == Dialect::S3 && !url_ && xml_carries(text));
    if (text.empty() || !believable) {
      return nonsense("a name is empty or not encoded");
    }
    return url_ ? core::percent_decode(text, plus_is_blank) : std::string(text);
  }

  const bool url_;
  const Traits& traits_;
};

store::ObjectType type_of(std::string_view text) {
  if (text == "Symlink") {
    return store::ObjectType::Symlink;
  }
  if (text == "Multipart") {
    return store::ObjectType::Multipart;
  }
  return text == "Appendable" ? store::ObjectType::Appendable : store::ObjectType::Normal;
}

core::Result<store::ListedObject> read_entry(const XMLElement& element, const Names& names) {
  store::ListedObject entry;
  std::string_view size;
  std::string_view modified;
  // One pass over the children: pages of a thousand entries are the hot path of readdir.
  for (const XMLElement* child = element.FirstChildElement(); child != nullptr;
       child = child->NextSiblingElement()) {
    const std::string_view name = child->Name();
    const char* const raw = child->GetText();
    const std::string_view text = raw == nullptr ? std::string_view{} : std::string_view(raw);
    if (name == "Key") {
      TRY_ASSIGN(std::string key, names.decode(text));
      entry.key = model::ObjectKey(std::move(key));
    } else if (name == "Size") {
      size = text;
    } else if (name == "LastModified") {
      modified = text;
    } else if (name == "ETag") {
      entry.etag = model::ETag(text);
    } else if (name == "Type") {
      entry.type = type_of(text);
    } else if (name == "StorageClass") {
      entry.storage_class = text;
    }
  }
  if (entry.key.empty()) {
    return nonsense("an entry without a key");
  }
  TRY_ASSIGN(entry.size, parse_number(size));
  const auto time = core::parse_iso8601(modified);
  if (!time) {
    return nonsense("an entry without a time");
  }
  entry.last_modified = *time;
  return entry;
}

}  // namespace

core::Result<store::ListPage> read_listing(std::string_view text, const Traits& traits) {
  TRY_ASSIGN(const XmlDocument document, XmlDocument::parse(text, "ListBucketResult"));
  const XMLElement& root = document.root();
  const Names names(root, traits);
  store::ListPage page;
  for (const XMLElement* child = root.FirstChildElement(); child != nullptr;
       child = child->NextSiblingElement()) {
    const std::string_view name = child->Name();
    if (name == "Contents") {
      TRY_ASSIGN(store::ListedObject entry, read_entry(*child, names));
      page.objects.push_back(std::move(entry));
    } else if (name == "CommonPrefixes") {
      TRY_ASSIGN(std::string prefix, names.decode(child_text(*child, "Prefix")));
      page.common_prefixes.push_back(std::move(prefix));
    }
  }
  const std::string_view truncated = child_text(root, "IsTruncated");
  if (truncated == "true") {
    TRY_ASSIGN(page.next_token, names.decode_token(child_text(root, "NextContinuationToken")));
  } else if (truncated != "false") {
    return nonsense("neither the last page nor not");
  }
  return page;
}

core::Result<std::string> read_upload_id(std::string_view text) {
  TRY_ASSIGN(const XmlDocument document, XmlDocument::parse(text, "InitiateMultipartUploadResult"));
  std::string id(child_text(document.root(), "UploadId"));
  if (id.empty()) {
    return nonsense("no UploadId");
  }
  return id;
}

core::Result<CopyResult> read_copy_result(std::string_view text, std::string_view root) {
  TRY_ASSIGN(const XmlDocument document, XmlDocument::parse(text, root));
  CopyResult result;
  result.etag = model::ETag(child_text(document.root(), "ETag"));
  result.last_modified = core::parse_iso8601(child_text(document.root(), "LastModified"));
  if (result.etag.empty()) {
    return nonsense("no ETag");
  }
  return result;
}

core::Result<model::ETag> read_complete_result(std::string_view text) {
  TRY_ASSIGN(const XmlDocument document, XmlDocument::parse(text, "CompleteMultipartUploadResult"));
  if (document.root().FirstChildElement("ETag") == nullptr) {
    return nonsense("no ETag");
  }
  return model::ETag(child_text(document.root(), "ETag"));
}

std::string write_parts(const std::vector<store::PartReceipt>& parts) {
  std::string out = "<CompleteMultipartUpload>";
  for (const store::PartReceipt& part : parts) {
    out += core::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", part.number,
                        xml_escape(part.etag.quoted()));
  }
  return out + "</CompleteMultipartUpload>";
}

core::Result<DeleteResult> read_delete_result(std::string_view text, const Traits& traits) {
  DeleteResult result;
  TRY_ASSIGN(const XmlDocument document, XmlDocument::parse(text, "DeleteResult"));
  const Names names(document.root(), traits);
  for (const XMLElement* child = document.root().FirstChildElement(); child != nullptr;
       child = child->NextSiblingElement()) {
    const std::string_view name = child->Name();
    if (name == "Deleted") {
      TRY_ASSIGN(std::string key, names.decode(child_text(*child, "Key")));
      result.deleted.push_back(std::move(key));
    } else if (name == "Error") {
      TRY_ASSIGN(std::string key, names.decode(child_text(*child, "Key")));
      result.refused.push_back({std::move(key), std::string(child_text(*child, "Code")),
                                std::string(child_text(*child, "Message"))});
    }
  }
  return result;
}

std::string write_delete(const std::vector<model::ObjectKey>& keys) {
  std::string out = "<Delete><Quiet>false</Quiet>";
  for (const model::ObjectKey& key : keys) {
    out += "<Object><Key>" + xml_escape(key.text()) + "</Key></Object>";
  }
  return out + "</Delete>";
}

bool fits_delete(std::string_view key) {
  // Readers of XML like to trim.
  return !key.empty() && key.front() != ' ' && key.back() != ' ' && xml_carries(key);
}

}  // namespace oss
