// What an endpoint may look like, and what its host is.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/text.h"
#include "http/message.h"

namespace http {
namespace {

bool is_ipv6(std::string_view host) {
  std::array<unsigned char, 16> address{};
  return ::inet_pton(AF_INET6, std::string(host).c_str(), address.data()) == 1;
}

std::optional<std::array<unsigned char, 4>> ipv4(std::string_view host) {
  std::array<unsigned char, 4> address{};
  if (::inet_pton(AF_INET, std::string(host).c_str(), address.data()) != 1) {
    return std::nullopt;
  }
  return address;
}

std::uint16_t default_port(std::string_view scheme) { return scheme == "http" ? 80 : 443; }

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
    const char l = core::lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

core::Error bad(std::string_view url, std::string_view why) {
  return core::fail(core::ErrorKind::InvalidArgument,
                    "\"" + std::string(url) + "\" is no endpoint: " + std::string(why));
}

}  // namespace

std::string Origin::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != default_port(scheme)) {
    out += ":" + std::to_string(port);
  }
  return out;
}

core::Result<Origin> parse_origin(std::string_view url) {
  url = core::trim(url);
  Origin origin;
  std::string_view rest = url;
  if (const auto at = url.find("://"); at != std::string_view::npos) {
    origin.scheme = core::to_lower(url.substr(0, at));
    rest = url.substr(at + 3);
  }
  if (rest.find('@') != std::string_view::npos) {
    return bad("…", "it must not carry a user name or password");  // and is not repeated
  }
  if (origin.scheme != "https" && origin.scheme != "http") {
    return bad(url, "its scheme must be https or http");
  }
  if (!rest.empty() && rest.back() == '/') {
    rest.remove_suffix(1);
  }
  if (rest.find_first_of("/?#") != std::string_view::npos) {
    return bad(url, "it must end after host and port");
  }
  std::string_view port;
  if (!rest.empty() && rest.front() == '[') {
    const auto close = rest.find(']');
    if (close == std::string_view::npos || !is_ipv6(rest.substr(1, close - 1))) {
      return bad(url, "its IPv6 address is malformed");
    }
    origin.host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
    if (!rest.empty() && rest.front() != ':') {
      return bad(url, "a port begins with a colon");
    }
    port = rest;
  } else {
    const auto colon = rest.find(':');
    origin.host = core::to_lower(rest.substr(0, colon));
    if (!is_host_name(origin.host)) {
      return bad(url, origin.host.empty() ? "it has no host" : "its host name is malformed");
    }
    port = colon == std::string_view::npos ? std::string_view{} : rest.substr(colon);
  }
  origin.port = default_port(origin.scheme);
  if (!port.empty()) {
    port.remove_prefix(1);
    const char* const end = port.data() + port.size();
    const auto [stopped, error] = std::from_chars(port.data(), end, origin.port);
    if (port.empty() || error != std::errc{} || stopped != end || origin.port == 0) {
      return bad(url, "its port must be a number from 1 to 65535");
    }
  }
  return origin;
}

bool is_ip_literal(std::string_view host) { return ipv4(host).has_value() || is_ipv6(host); }

bool is_loopback(std::string_view host) {
  const auto address = ipv4(host);
  return host == "::1" || core::equal_ignoring_case(host, "localhost") ||
         (address && address->front() == 127);
}

}  // namespace http
