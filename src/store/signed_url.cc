#include "store/signed_url.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/text.h"
#include "model/names.h"

namespace store {
namespace {

using core::ErrorKind;

core::Error refused(std::string why) {
  return core::fail(ErrorKind::InvalidArgument, std::move(why));
}

/// Source: RFC 9110, section 5.6.2.
bool is_header_name(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view value) {
  return core::trim(value) == value &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// What whoever sends the request, or the signature itself, puts there.
bool is_reserved_header(std::string_view name) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"authorization", "connection", "content-length", "date", "expect", "host", "te", "trailer",
       "transfer-encoding", "upgrade", "x-oss-date", "x-amz-date", "x-oss-content-sha256",
       "x-amz-content-sha256", "x-oss-security-token", "x-amz-security-token"});
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

bool is_reserved_parameter(std::string_view name) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"expires", "ossaccesskeyid", "signature", "security-token", "x-oss-signature-version",
       "x-oss-credential", "x-oss-date", "x-oss-expires", "x-oss-additional-headers",
       "x-oss-signature", "x-oss-security-token", "x-oss-access-key-id"});
  return name.starts_with("x-amz-") ||
         std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

core::Status check_headers(const std::vector<NamedValue>& headers) {
  std::set<std::string> seen;
  for (const auto& [name, value] : headers) {
    if (!is_header_name(name)) {
      return refused("\"" + name + "\" is no name of a header");
    }
    if (!is_header_value(value)) {
      return refused("the value of " + name + " cannot be sent in a header: printable ASCII only");
    }
    const std::string small = core::to_lower(name);
    if (is_reserved_header(small)) {
      return refused(name +
                     " cannot be signed: the signature, or whoever sends the request, "
                     "sets it");
    }
    if (!seen.insert(small).second) {
      return refused("the header " + name + " is given twice");
    }
  }
  return {};
}

core::Status check_parameters(const UrlRequest& request) {
  std::set<std::string> seen;
  for (const auto& [name, value] : request.parameters) {
    const std::string small = core::to_lower(name);
    if (name.empty()) {
      return refused("a parameter of the query needs a name");
    }
    if (is_reserved_parameter(small)) {
      return refused("the parameter " + name + " belongs to the signature");
    }
    if (small.starts_with("response-") && request.method != UrlMethod::Get) {
      return refused(name + " changes what a get answers; this URL is for " +
                     core::to_lower(to_string(request.method)));
    }
    if (!seen.insert(name).second || (name == "versionId" && !request.version_id.empty())) {
      return refused("the parameter " + name + " is given twice");
    }
  }
  return {};
}

}  // namespace

std::string_view to_string(UrlMethod method) {
  switch (method) {
    case UrlMethod::Get:
      return "GET";
    case UrlMethod::Put:
      return "PUT";
    case UrlMethod::Head:
      return "HEAD";
    case UrlMethod::Delete:
      return "DELETE";
    case UrlMethod::Post:
      return "POST";
  }
  return "";
}

core::Status check_url_request(const UrlRequest& request) {
  if (request.key.empty()) {
    return refused("a URL is for one object: the key is missing");
  }
  if (request.key.text().size() > model::kMaxKeyBytes) {
    return core::fail(ErrorKind::NameTooLong,
                      "a key of " + std::to_string(request.key.text().size()) +
                          " bytes; the service takes " + std::to_string(model::kMaxKeyBytes));
  }
  if (request.lifetime < std::chrono::seconds{1}) {
    return refused("a URL lives for a second at least");
  }
  TRY(check_headers(request.headers));
  return check_parameters(request);
}

}  // namespace store
