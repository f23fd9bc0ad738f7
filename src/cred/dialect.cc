#include "cred/dialect.h"

#include <array>

#include "cred/environment_names.h"

namespace cred {
namespace {

/// Source: ECS, "Instance metadata".
constexpr MetadataWords kEcs = {
    "http://100.100.100.200", "/latest/meta-data/ram/security-credentials/",
    "X-aliyun-ecs-metadata-token", "X-aliyun-ecs-metadata-token-ttl-seconds"};
/// Amazon EC2's IMDSv2, which has no weak mode here. Source: EC2, "Use IMDSv2".
constexpr MetadataWords kImds = {
    "http://169.254.169.254", "/latest/meta-data/iam/security-credentials/",
    "X-aws-ec2-metadata-token", "X-aws-ec2-metadata-token-ttl-seconds"};

constexpr std::array<std::size_t, kEnvironmentNames.size()> kAwsFirst = {kAwsNames, 0, 1, 2,
                                                                         3,         4, 5};
static_assert(kAwsNames == 6);
constexpr std::span<const std::size_t> kAwsOut = std::span(kAwsFirst).subspan(1);

}  // namespace

const Traits& traits_of(Dialect dialect) {
  static const Traits kRpc{Dialect::Rpc, sts_rpc(), kEcs, kAwsOut};
  static const Traits kAcs3{Dialect::Acs3, sts_acs3(), kEcs, kAwsOut};
  static const Traits kAws{Dialect::Aws, sts_aws(), kImds, kAwsFirst};
  switch (dialect) {
    case Dialect::Rpc:
      return kRpc;
    case Dialect::Acs3:
      return kAcs3;
    case Dialect::Aws:
      return kAws;
  }
  return kRpc;
}

}  // namespace cred
