#pragma once
// Where services are.
#include <string>
#include <string_view>

#include "core/result.h"
#include "http/message.h"

namespace app {

/// "cn-hangzhou" also where somebody wrote the location "oss-cn-hangzhou".
std::string_view region_id(std::string_view text);

/// Source: OSS, "Regions and endpoints".
std::string oss_endpoint(std::string_view region, bool internal);

/// The service's host in "BUCKET.oss-REGION.aliyuncs.com", as the console shows it and people paste
/// it; any other host as it is.
std::string_view without_bucket(std::string_view host, std::string_view bucket);

/// The server that `option` names. Errors: InvalidArgument, naming the option.
core::Result<http::Origin> origin_of(std::string_view option, const std::string& url);

}  // namespace app
