#include "oss/documents.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "core/format.h"
#include "oss/names.h"
#include "oss/xml.h"

namespace oss {

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

using tinyxml2::XMLElement;

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

core::Result<std::vector<store::KeptVersion>> read_versions(std::string_view text,
                                                            std::string_view key,
                                                            const Traits& traits) {
  TRY_ASSIGN(const XmlDocument document, XmlDocument::parse(text, "ListVersionsResult"));
  const Names names(child_text(document.root(), "EncodingType") == "url", traits);
  std::vector<store::KeptVersion> versions;
  for (const XMLElement* row = document.root().FirstChildElement(); row != nullptr;
       row = row->NextSiblingElement()) {
    const std::string_view kind = row->Name();
    const bool removed = kind == "DeleteMarker";
    if (kind != "Version" && !removed) {
      continue;
    }
    TRY_ASSIGN(const std::string of, names.decode(child_text(*row, "Key")));
    if (of == key) {
      versions.push_back({std::string(child_text(*row, "VersionId")), removed,
                          model::ETag(child_text(*row, "ETag")),
                          core::parse_iso8601(child_text(*row, "LastModified"))});
    }
  }
  return versions;
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
  const Names names(child_text(document.root(), "EncodingType") == "url", traits);
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
