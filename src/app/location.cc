#include "app/location.h"

#include <utility>

#include "core/format.h"
#include "model/names.h"
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
  TRY(check_prefix(location.prefix));
  return location;
}

core::Status check_prefix(std::string_view prefix) {
  constexpr std::size_t kMostBytes = 1023;  // of a whole key
  if (prefix.size() >= kMostBytes) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("a prefix of {} bytes leaves no room for names: a key has {}",
                                   prefix.size(), kMostBytes));
  }
  if (!model::is_utf8(prefix)) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      "the prefix is not UTF-8, and keys are nothing else");
  }
  return {};
}

}  // namespace app
