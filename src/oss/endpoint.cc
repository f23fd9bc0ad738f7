#include "oss/endpoint.h"

#include <algorithm>

#include "core/text.h"

namespace oss {

std::optional<std::string> region_of(std::string_view host) {
  constexpr std::string_view kDomain = ".aliyuncs.com";
  if (!host.ends_with(kDomain)) {
    return std::nullopt;
  }
  host.remove_suffix(kDomain.size());
  if (host.ends_with(".oss")) {  // dual stack
    host.remove_suffix(4);
  } else if (host.starts_with("oss-")) {
    host.remove_prefix(4);
    if (host.ends_with("-internal")) {
      host.remove_suffix(9);
    }
  } else {
    return std::nullopt;
  }
  if (host.empty() || host.starts_with("accelerate") || host.find('.') != host.npos) {
    return std::nullopt;
  }
  return std::string(host);
}

bool is_bucket_name(std::string_view name) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return name.size() >= 3 && name.size() <= 63 && alphanumeric(name.front()) &&
         alphanumeric(name.back()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return alphanumeric(c) || c == '-'; });
}

Endpoint::Endpoint(http::Origin service, std::string_view bucket, Addressing addressing)
    : origin_(std::move(service)) {
  if (addressing == Addressing::Auto) {
    const bool bare = http::is_ip_literal(origin_.host) || origin_.host == "localhost";
    addressing = bare ? Addressing::Path : Addressing::Virtual;
  }
  if (addressing == Addressing::Virtual) {
    origin_.host = std::string(bucket) + "." + origin_.host;
  } else if (addressing == Addressing::Path) {
    prefix_ = "/" + std::string(bucket) + "/";
  }
}

std::string Endpoint::path(std::string_view key) const {
  return prefix_ + core::percent_encode(key, true);
}

}  // namespace oss
