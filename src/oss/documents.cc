#include "oss/documents.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

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

namespace {

/// What stands for a grantee in a header that grants; nothing: it has no name there.
/// Source: Amazon S3, "PutObject", x-amz-grant-*.
std::optional<std::string> grantee_of(const XMLElement& grant) {
  const XMLElement* const grantee = grant.FirstChildElement("Grantee");
  constexpr std::array<std::pair<const char*, std::string_view>, 3> kForms = {
      {{"ID", "id"}, {"URI", "uri"}, {"EmailAddress", "emailAddress"}}};
  for (const auto& [element, form] : kForms) {
    const std::string_view who = grantee != nullptr ? child_text(*grantee, element) : "";
    if (!who.empty() && who.find('"') == who.npos) {
      return core::format("{}=\"{}\"", form, who);
    }
  }
  return std::nullopt;
}

/// Source: Amazon S3, "PutObject", x-amz-grant-*.
std::string_view grant_header(std::string_view permission) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kHeaders = {
      {{"FULL_CONTROL", "grant-full-control"},
       {"READ", "grant-read"},
       {"READ_ACP", "grant-read-acp"},
       {"WRITE_ACP", "grant-write-acp"}}};
  const auto* const at = std::find_if(kHeaders.begin(), kHeaders.end(),
                                      [&](const auto& row) { return row.first == permission; });
  return at == kHeaders.end() ? std::string_view() : at->second;
}

/// The ACLs that have names say more than grants can: which are for buckets alone.
/// Source: Amazon S3, "Canned ACL".
std::string_view canned_acl(const std::vector<std::string>& beside_owner) {
  static const std::string kAll = "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\"";
  static const std::string kUsers =
      "uri=\"http://acs.amazonaws.com/groups/global/AuthenticatedUsers\"";
  using Grants = std::vector<std::string>;
  if (beside_owner == Grants{"READ " + kAll}) {
    return "public-read";
  }
  if (beside_owner == Grants{"READ " + kAll, "WRITE " + kAll}) {
    return "public-read-write";
  }
  return beside_owner == Grants{"READ " + kUsers} ? "authenticated-read" : "";
}

}  // namespace

core::Result<store::Acl> read_acl(std::string_view text, const Traits& traits) {
  TRY_ASSIGN(const XmlDocument document, XmlDocument::parse(text, "AccessControlPolicy"));
  const XMLElement* const list = document.root().FirstChildElement("AccessControlList");
  if (list == nullptr) {
    return nonsense("no AccessControlList");
  }
  store::Acl acl;
  if (traits.dialect == Dialect::Oss) {
    const std::string_view word = child_text(*list, "Grant");
    if (word.empty()) {
      return nonsense("no Grant");
    }
    if (word != "default") {
      acl.emplace_back("object-acl", word);
    }
    return acl;
  }
  const XMLElement* const owner = document.root().FirstChildElement("Owner");
  const std::string own =
      core::format("id=\"{}\"", owner != nullptr ? child_text(*owner, "ID") : "");
  std::vector<std::string> beside_owner;
  std::map<std::string_view, std::string> granted;
  bool unsaid = false;
  for (const XMLElement* grant = list->FirstChildElement("Grant"); grant != nullptr;
       grant = grant->NextSiblingElement("Grant")) {
    const std::string permission(child_text(*grant, "Permission"));
    const auto who = grantee_of(*grant);
    // An owner without a name (MinIO): who else could it be?
    const bool is_owner = permission == "FULL_CONTROL" && (!who || *who == own);
    const std::string_view header = grant_header(permission);
    if (!is_owner) {
      beside_owner.push_back(permission + ' ' + who.value_or(""));
      unsaid = unsaid || header.empty() || !who;
    }
    if (!header.empty() && who) {
      std::string& value = granted[header];
      value += (value.empty() ? "" : ", ") + *who;
    }
  }
  std::sort(beside_owner.begin(), beside_owner.end());
  if (const std::string_view word = canned_acl(beside_owner); !word.empty()) {
    acl.emplace_back("acl", word);
  } else if (unsaid) {
    return core::fail(core::ErrorKind::InvalidArgument, "its ACL grants what no header can");
  } else if (!beside_owner.empty()) {
    acl.assign(granted.begin(), granted.end());
  }
  return acl;
}

core::Result<store::Tags> read_tags(std::string_view text) {
  TRY_ASSIGN(const XmlDocument document, XmlDocument::parse(text, "Tagging"));
  const XMLElement* const set = document.root().FirstChildElement("TagSet");
  if (set == nullptr) {
    return nonsense("no TagSet");
  }
  store::Tags tags;
  for (const XMLElement* tag = set->FirstChildElement("Tag"); tag != nullptr;
       tag = tag->NextSiblingElement("Tag")) {
    tags.emplace_back(child_text(*tag, "Key"), child_text(*tag, "Value"));
  }
  return tags;
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
