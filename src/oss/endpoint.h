#pragma once
// Where requests about a bucket and its keys go.
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace oss {

/// Auto: the bucket in the path for an IP literal or "localhost", else in the host.
/// Cname: the host stands for the bucket already.
enum class Addressing : std::uint8_t { Auto, Virtual, Path, Cname };

/// "cn-hangzhou" from "oss-cn-hangzhou[-internal].aliyuncs.com" or "cn-hangzhou.oss.aliyuncs.com";
/// nothing where the host does not say (acceleration, custom domains, addresses).
std::optional<std::string> region_of(std::string_view host);

/// 3 to 63 of [a-z0-9-], beginning and ending with a letter or digit.
bool is_bucket_name(std::string_view name);

/// Immutable; any thread.
class Endpoint {
 public:
  Endpoint(http::Origin service, std::string_view bucket, Addressing addressing);

  [[nodiscard]] const http::Origin& origin() const { return origin_; }
  /// The encoded path of a key; of the bucket itself for an empty key. No normalisation.
  [[nodiscard]] std::string path(std::string_view key) const;

 private:
  http::Origin origin_;
  std::string prefix_ = "/";
};

}  // namespace oss
