#include "policy/url_rights.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/text.h"

namespace policy {
namespace {

bool asks(const store::UrlRequest& request, std::string_view parameter) {
  return std::any_of(request.parameters.begin(), request.parameters.end(),
                     [&](const auto& one) { return one.first == parameter; });
}

/// The value of "x-oss-NAME" or "x-amz-NAME"; empty where there is none.
std::string vendor_header(const store::UrlRequest& request, std::string_view name) {
  for (const auto& [given, value] : request.headers) {
    const std::string small = core::to_lower(given);
    if (small == std::string("x-oss-").append(name) ||
        small == std::string("x-amz-").append(name)) {
      return value;
    }
  }
  return {};
}

std::vector<std::string> writing(const store::UrlRequest& request, const std::string& version) {
  if (asks(request, "acl")) {
    return {"PutObject" + version + "Acl"};
  }
  if (asks(request, "tagging")) {
    return {"PutObject" + version + "Tagging"};
  }
  if (asks(request, "restore")) {
    return {"RestoreObject"};
  }
  std::vector<std::string> actions = {"PutObject"};
  if (!vendor_header(request, "object-acl").empty() || !vendor_header(request, "acl").empty()) {
    actions.emplace_back("PutObjectAcl");
  }
  if (!vendor_header(request, "tagging").empty()) {
    actions.emplace_back("PutObjectTagging");
  }
  return actions;
}

std::vector<std::string> actions_for(const Grammar& grammar, const store::UrlRequest& request) {
  const std::string version =
      request.version_id.empty() && !asks(request, "versionId") ? "" : "Version";
  switch (request.method) {
    case store::UrlMethod::Put:
    case store::UrlMethod::Post:
      return writing(request, version);
    case store::UrlMethod::Delete:
      if (asks(request, "uploadId")) {
        return {"AbortMultipartUpload"};
      }
      return {"DeleteObject" + version + (asks(request, "tagging") ? "Tagging" : "")};
    case store::UrlMethod::Get:
    case store::UrlMethod::Head:
      break;
  }
  if (asks(request, "uploadId")) {
    return {std::string(grammar.list_parts)};
  }
  return {"GetObject" + version +
          (asks(request, "acl")       ? "Acl"
           : asks(request, "tagging") ? "Tagging"
                                      : "")};
}

}  // namespace

std::vector<ObjectRights> rights_for(const Grammar& grammar, const std::string& bucket,
                                     const store::UrlRequest& request) {
  std::vector<ObjectRights> rights = {{bucket, request.key.text(), actions_for(grammar, request)}};
  // "/BUCKET/KEY", percent-encoded, perhaps with "?versionId=ID".
  const std::string source = vendor_header(request, "copy-source");
  if (request.method == store::UrlMethod::Put && !source.empty()) {
    const auto query = source.find('?');
    const std::string path = core::percent_decode(std::string_view(source).substr(0, query));
    const std::size_t start = path.starts_with('/') ? 1 : 0;
    const auto slash = path.find('/', start);
    if (slash != std::string::npos) {
      rights.push_back({path.substr(start, slash - start),
                        path.substr(slash + 1),
                        {query == std::string::npos ? "GetObject" : "GetObjectVersion"}});
    }
  }
  return rights;
}

}  // namespace policy
