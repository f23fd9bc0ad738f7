#pragma once
// Where requests about a bucket and its keys go.
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "oss/dialect.h"

namespace oss {

/// Auto: the bucket in the path for an IP literal or "localhost", else in the host; S3 services
/// other than Amazon's and Alibaba Cloud's usually have it in the path, and a bucket name with dots
/// fits no certificate.
/// Cname: the host stands for the bucket already.
enum class Addressing : std::uint8_t { Auto, Virtual, Path, Cname };

/// "cn-hangzhou" from "oss-cn-hangzhou[-internal].aliyuncs.com" or "cn-hangzhou.oss.aliyuncs.com";
/// "eu-west-1" from "s3[.dualstack].eu-west-1.amazonaws.com[.cn]"; nothing where the host does not
/// say (acceleration, custom domains, addresses).
std::optional<std::string> region_of(std::string_view host);

/// What S3 services sign for that know no regions.
inline constexpr const char* kDefaultS3Region = "us-east-1";

/// 3 to 63 of [a-z0-9-], beginning and ending with a letter or digit; S3 has dots too.
bool is_bucket_name(std::string_view name, Dialect dialect = Dialect::Oss);
/// The rule, for people.
std::string_view bucket_name_rule(Dialect dialect);

/// Immutable; any thread.
class Endpoint {
 public:
  Endpoint(http::Origin service, std::string_view bucket, Addressing addressing,
           Dialect dialect = Dialect::Oss);

  [[nodiscard]] const http::Origin& origin() const { return origin_; }
  /// The encoded path of a key; of the bucket itself for an empty key. No normalisation.
  [[nodiscard]] std::string path(std::string_view key) const;

 private:
  http::Origin origin_;
  std::string prefix_ = "/";
};

}  // namespace oss
