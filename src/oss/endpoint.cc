#include "oss/endpoint.h"

#include <algorithm>

#include "core/text.h"

namespace oss {

namespace {

bool is_amazon(std::string_view host) {
  return host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
}

std::optional<std::string> amazon_region(std::string_view host) {
  host = host.substr(0, host.find(".amazonaws.com"));
  if (host == "s3") {
    return kDefaultS3Region;
  }
  for (const std::string_view start : {"s3.dualstack.", "s3-fips.", "s3.", "s3-"}) {
    if (host.starts_with(start)) {
      host.remove_prefix(start.size());
      const bool region = !host.empty() && host.find('.') == host.npos &&
                          !host.starts_with("accelerate") && !host.starts_with("fips");
      return region ? std::optional(std::string(host)) : std::nullopt;
    }
  }
  return std::nullopt;
}

bool bucket_in_path(const http::Origin& service, std::string_view bucket, Dialect dialect) {
  if (http::is_ip_literal(service.host) || service.host == "localhost") {
    return true;
  }
  if (dialect == Dialect::Oss) {
    return false;
  }
  return bucket.find('.') != bucket.npos ||
         !(is_amazon(service.host) || service.host.ends_with(".aliyuncs.com"));
}

}  // namespace

std::optional<std::string> region_of(std::string_view host) {
  if (is_amazon(host)) {
    return amazon_region(host);
  }
  constexpr std::string_view kDomain = ".aliyuncs.com";
  if (!host.ends_with(kDomain)) {
    return std::nullopt;
  }
  host.remove_suffix(kDomain.size());
  if (host.starts_with("s3.oss-")) {
    host.remove_prefix(3);  // the S3 dialect has hosts of its own
  }
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

std::string_view bucket_name_rule(Dialect dialect) {
  return dialect == Dialect::S3 ? "3 to 63 lower-case letters, digits, dots and hyphens"
                                : "3 to 63 lower-case letters, digits and hyphens";
}

bool is_bucket_name(std::string_view name, Dialect dialect) {
  const bool dots = dialect == Dialect::S3;
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return name.size() >= 3 && name.size() <= 63 && alphanumeric(name.front()) &&
         alphanumeric(name.back()) && std::all_of(name.begin(), name.end(), [&](char c) {
           return alphanumeric(c) || c == '-' || (dots && c == '.');
         });
}

Endpoint::Endpoint(http::Origin service, std::string_view bucket, Addressing addressing,
                   Dialect dialect)
    : origin_(std::move(service)) {
  if (addressing == Addressing::Auto) {
    addressing = bucket_in_path(origin_, bucket, dialect) ? Addressing::Path : Addressing::Virtual;
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
