#include "app/location.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "core/format.h"
#include "oss/endpoint.h"

namespace app {

std::string Location::text() const {
  std::string out = "oss://" + bucket;
  if (!prefix.empty()) {
    out += '/' + prefix.substr(0, prefix.size() - 1);
  }
  return out;
}

std::string as_prefix(std::string_view path) {
  const auto first = path.find_first_not_of('/');
  if (first == std::string_view::npos) {
    return {};
  }
  return std::string(path.substr(first, path.find_last_not_of('/') + 1 - first)) + '/';
}

core::Result<Location> parse_location(std::string_view source) {
  constexpr std::string_view kScheme = "oss://";
  const auto scheme = source.find("://");
  std::string_view rest = source;
  std::string_view separator = ":/";
  if (scheme != std::string_view::npos) {
    if (source.starts_with("s3://")) {
      return core::fail(core::ErrorKind::Unsupported,
                        core::format("{}: the S3 dialect is not spoken yet; oss:// is", source));
    }
    if (!source.starts_with(kScheme)) {
      return core::fail(core::ErrorKind::InvalidArgument,
                        core::format("{}: a source is oss://BUCKET[/PREFIX]", source));
    }
    rest.remove_prefix(kScheme.size());
    separator = "/";
  }
  const auto end = rest.find(separator);
  Location location;
  location.bucket = rest.substr(0, end);
  if (end != std::string_view::npos) {
    location.prefix = as_prefix(rest.substr(end + separator.size()));
  }
  if (location.bucket.ends_with(':')) {
    location.bucket.pop_back();  // "BUCKET:" alone is the whole bucket, for s3fs
  }
  if (!oss::is_bucket_name(location.bucket)) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("\"{}\" is no name of a bucket: 3 to 63 lower-case letters, "
                                   "digits and hyphens",
                                   location.bucket));
  }
  return location;
}

std::string session_policy(const Location& location, bool read_only) {
  using nlohmann::json;
  json on_objects = json::array({"oss:GetObject"});
  if (!read_only) {
    for (const char* action : {"oss:PutObject", "oss:DeleteObject", "oss:AbortMultipartUpload"}) {
      on_objects.push_back(action);
    }
  }
  const auto allow = [](json actions, const std::string& resource) {
    json statement = json::object();
    statement["Effect"] = "Allow";
    statement["Action"] = std::move(actions);
    statement["Resource"] = json::array({"acs:oss:*:*:" + resource});
    return statement;
  };
  json listing = allow(json::array({"oss:ListObjects"}), location.bucket);
  if (!location.prefix.empty()) {
    listing["Condition"]["StringLike"]["oss:Prefix"] = json::array({location.prefix + '*'});
  }
  json policy = json::object();
  policy["Version"] = "1";
  policy["Statement"] = json::array(
      {allow(on_objects, location.bucket + '/' + location.prefix + '*'), std::move(listing)});
  return policy.dump();
}

}  // namespace app
