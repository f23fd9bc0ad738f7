#pragma once
// A URL that lets whoever has it make one kind of request for a while, without credentials.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "model/object_key.h"

namespace store {

enum class UrlMethod : std::uint8_t { Get, Put, Head, Delete, Post };
/// "GET"
std::string_view to_string(UrlMethod method);

using NamedValue = std::pair<std::string, std::string>;

/// Where and how fast the service lets a URL be used.
/// Source: OSS, "Include signatures in URLs" (x-oss-ac-*), "Single-connection bandwidth
/// throttling".
struct UrlRestrictions {
  std::uint64_t bytes_per_second = 0;   ///< 0: as fast as it goes
  std::string source_ip;                ///< an address, or a network with subnet_bits
  std::optional<unsigned> subnet_bits;  ///< leading bits of source_ip that count
  std::string vpc_id;
  bool trust_forwarded_for = false;  ///< X-Forwarded-For says who asks

  [[nodiscard]] bool any() const {
    return bytes_per_second > 0 || !source_ip.empty() || subnet_bits || !vpc_id.empty() ||
           trust_forwarded_for;
  }
};

/// What a URL is to allow.
struct UrlRequest {
  UrlMethod method = UrlMethod::Get;
  model::ObjectKey key;
  std::string version_id;              ///< empty: the current one
  std::vector<NamedValue> headers;     ///< that its user sends, as they stand here
  std::vector<NamedValue> parameters;  ///< of the query: response overrides and the like; those
                                       ///< without a value go without "="
  UrlRestrictions restrictions;
  core::Duration lifetime = std::chrono::seconds{60};  ///< whole seconds count
};

struct SignedUrl {
  std::string url;
  core::WallTime expires;                ///< the earlier of its own end and that of the token in it
  bool limited_by_token = false;         ///< it is the token's
  std::vector<NamedValue> headers;       ///< without which the service refuses it
  std::vector<std::string> not_covered;  ///< headers and parameters that the signature leaves out
};

/// What no service can sign, whatever its dialect.
/// Errors: InvalidArgument, naming what is wrong; NameTooLong.
core::Status check_url_request(const UrlRequest& request);

}  // namespace store
