#include "app/location.h"

#include <utility>

#include "core/format.h"
#include "model/names.h"
#include "oss/endpoint.h"

namespace app {

std::string Location::text() const {
  std::string out = (dialect == oss::Dialect::S3 ? "s3://" : "oss://") + bucket;
  if (!prefix.empty()) {
    out += '/' + prefix.substr(0, prefix.size() - 1);
  }
  return out;
}

const policy::Grammar& Location::grammar() const {
  return dialect == oss::Dialect::S3 ? policy::iam_grammar() : policy::ram_grammar();
}

std::string as_prefix(std::string_view path) {
  const auto first = path.find_first_not_of('/');
  if (first == std::string_view::npos) {
    return {};
  }
  return std::string(path.substr(first, path.find_last_not_of('/') + 1 - first)) + '/';
}

core::Result<Location> parse_location(std::string_view source) {
  constexpr std::string_view kOss = "oss://";
  constexpr std::string_view kS3 = "s3://";
  Location location;
  const auto scheme = source.find("://");
  std::string_view rest = source;
  std::string_view separator = ":/";
  if (scheme != std::string_view::npos) {
    if (source.starts_with(kS3)) {
      location.dialect = oss::Dialect::S3;
    } else if (!source.starts_with(kOss)) {
      return core::fail(
          core::ErrorKind::InvalidArgument,
          core::format("{}: a source is oss://BUCKET[/PREFIX] or s3://BUCKET[/PREFIX]", source));
    }
    rest.remove_prefix(location.dialect == oss::Dialect::S3 ? kS3.size() : kOss.size());
    separator = "/";
  }
  const auto end = rest.find(separator);
  location.bucket = rest.substr(0, end);
  if (end != std::string_view::npos) {
    location.prefix = as_prefix(rest.substr(end + separator.size()));
  }
  if (location.bucket.ends_with(':')) {
    location.bucket.pop_back();  // "BUCKET:" alone is the whole bucket, for s3fs
  }
  if (!oss::is_bucket_name(location.bucket, location.dialect)) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("\"{}\" is no name of a bucket: {}", location.bucket,
                                   oss::bucket_name_rule(location.dialect)));
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
