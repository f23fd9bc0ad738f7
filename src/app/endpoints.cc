#include "app/endpoints.h"

#include "core/format.h"
#include "options/usage.h"

namespace app {

std::string_view region_id(std::string_view text) {
  return text.starts_with("oss-") ? text.substr(4) : text;
}

std::string oss_endpoint(std::string_view region, bool internal) {
  return core::format("https://oss-{}{}.aliyuncs.com", region, internal ? "-internal" : "");
}

std::string_view without_bucket(std::string_view host, std::string_view bucket) {
  const bool names_it = !bucket.empty() && host.ends_with(".aliyuncs.com") &&
                        host.starts_with(bucket) && host.substr(bucket.size()).starts_with(".oss");
  return names_it ? host.substr(bucket.size() + 1) : host;
}

core::Result<http::Origin> origin_of(std::string_view option, const std::string& url) {
  auto origin = http::parse_origin(url);
  if (!origin) {
    return options::usage(core::format("--{}: {}", option, origin.error().message));
  }
  return origin;
}

}  // namespace app
