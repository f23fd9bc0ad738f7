#include "emulator/wire/address.h"

#include <algorithm>

#include "core/text.h"

namespace emulator {
namespace {

/// Host without its port, in lower case.
std::string host_of(const RawRequest& request) {
  const std::string_view host = request.header("Host").value_or("");
  if (host.starts_with('[')) {
    return std::string(host.substr(0, host.find(']') + 1));
  }
  return core::to_lower(host.substr(0, host.find(':')));
}

bool is_ip(std::string_view host) {
  return host.starts_with('[') ||
         (!host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

/// The bucket that the Host names; empty for path style.
std::string bucket_in_host(std::string_view host, const std::vector<std::string>& domains) {
  for (const std::string& domain : domains) {
    if (host == domain) {
      return {};
    }
    if (host.size() > domain.size() + 1 && host.ends_with(domain) &&
        host[host.size() - domain.size() - 1] == '.') {
      return std::string(host.substr(0, host.size() - domain.size() - 1));
    }
  }
  if (host.empty() || host == "localhost" || is_ip(host)) {
    return {};
  }
  const std::string_view first = host.substr(0, host.find('.'));
  // In front of the service's own name there is a bucket, whatever it is called.
  if (first.size() < host.size() && host.substr(first.size() + 1).starts_with("oss-")) {
    return std::string(first);
  }
  return first.starts_with("oss-") || first.starts_with("sts") ? std::string() : std::string(first);
}

}  // namespace

Address address_of(const RawRequest& request, const std::vector<std::string>& domains) {
  Address address;
  address.bucket = bucket_in_host(host_of(request), domains);
  std::string_view path = request.raw_path;
  if (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  if (address.bucket.empty()) {
    const auto slash = path.find('/');
    address.bucket = core::percent_decode(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  address.key = core::percent_decode(path);
  return address;
}

std::optional<Address> path_style_instead(const RawRequest& request, const Address& by_host) {
  const std::string_view path = request.raw_path;
  const std::string& bucket = by_host.bucket;
  if (bucket.empty() || !path.starts_with('/') || !path.substr(1).starts_with(bucket)) {
    return std::nullopt;
  }
  const std::string_view rest = path.substr(1 + bucket.size());
  if (!rest.empty() && rest.front() != '/') {
    return std::nullopt;
  }
  Address other{bucket, core::percent_decode(rest.empty() ? rest : rest.substr(1))};
  if (other.key == by_host.key) {
    return std::nullopt;  // it was read that way already
  }
  return other;
}

bool is_for_sts(const RawRequest& request, std::string_view form) {
  if (host_of(request).starts_with("sts")) {
    return true;
  }
  if (request.raw_path != "/") {
    return false;
  }
  if (request.param("Action") != nullptr || request.header("x-acs-action")) {
    return true;
  }
  const auto fields = parse_query(form);
  return std::any_of(fields.begin(), fields.end(),
                     [](const QueryParam& field) { return field.name == "Action"; });
}

std::vector<QueryParam> parse_query(std::string_view text) {
  std::vector<QueryParam> params;
  if (text.empty()) {
    return params;
  }
  for (const std::string_view item : core::split(text, '&')) {
    if (item.empty()) {
      continue;
    }
    const auto equals = item.find('=');
    QueryParam param;
    param.name = core::percent_decode(item.substr(0, equals), true);
    if (equals != std::string_view::npos) {
      param.has_equals = true;
      param.value = core::percent_decode(item.substr(equals + 1), true);
    }
    params.push_back(std::move(param));
  }
  return params;
}

}  // namespace emulator
