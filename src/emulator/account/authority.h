#pragma once
// Who may do what: keys, roles, tokens, policies, signatures. Knows nothing of sockets and objects.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "emulator/account/authority_options.h"
#include "emulator/account/principal.h"
#include "emulator/wire/message.h"

namespace emulator {

/// The facts that the ready line tells.
struct Identity {
  std::string access_key_id;
  std::string access_key_secret;
  std::string role_arn;
  std::string seed_role_arn;
  std::string aws_role_arn;  ///< the same two as AWS writes them
  std::string aws_seed_role_arn;
  std::string ecs_role_name;
};

/// Threads: any; every call is short and takes no lock across I/O.
class Authority {
 public:
  static core::Result<std::unique_ptr<Authority>> open(AuthorityOptions options,
                                                       const core::Clock& clock);
  virtual ~Authority() = default;

  [[nodiscard]] virtual Identity identity() const = 0;
  /// The buckets to begin with: those of the options, then those of the config file.
  [[nodiscard]] virtual std::vector<std::string> buckets() const = 0;

  /// Verifies whoever signed `request` for `/bucket/key` (both decoded; empty where there is none):
  /// OSS V1, V4 (and OSS2), S3 SigV4, each as header or URL; anonymous when nothing is signed.
  /// `clock_offset` is the service's own error, as a fault may set it.
  [[nodiscard]] virtual std::variant<Verified, ServiceError> verify(
      const RawRequest& request, std::string_view bucket, std::string_view key,
      core::Duration clock_offset) const = 0;

  /// Nothing if `principal` may do `action` ("oss:GetObject") on `resource`
  /// ("acs:oss:*:*:bucket/key"); else AccessDenied with its EC. `conditions` are the request's
  /// values ("oss:Prefix", "oss:Delimiter", "acs:SourceIp").
  [[nodiscard]] virtual std::optional<ServiceError> authorize(
      const Principal& principal, std::string_view action, std::string_view resource,
      const std::vector<std::pair<std::string, std::string>>& conditions) const = 0;

  /// STS of both clouds: Alibaba Cloud's, signed by RPC or ACS3, and AWS's; and the actions that
  /// nobody signs.
  /// `body` is the form body. `operation` receives the action's name ("AssumeRole").
  [[nodiscard]] virtual Answer sts(const RawRequest& request, std::string_view body,
                                   core::Duration clock_offset, std::string& operation) = 0;
  /// The action that `sts` would run, without running it (for faults and counters).
  [[nodiscard]] virtual std::string sts_action(const RawRequest& request,
                                               std::string_view body) const = 0;

  /// The metadata service of ECS and of EC2: PUT /latest/api/token, GET /latest/meta-data/….
  [[nodiscard]] virtual Answer metadata(const RawRequest& request) = 0;

  /// Every token issued so far stops working.
  virtual core::Status revoke_all() = 0;
  /// Replaces the policies of the role named `role` (RAM policy documents; none: no rights), at
  /// once, also for tokens that are out. Lasts until it is restored, or the emulator ends.
  /// Errors: NotFound; InvalidArgument.
  virtual core::Status set_policies(const std::string& role,
                                    const std::vector<std::string>& documents) = 0;
  virtual core::Status restore_policies(const std::string& role) = 0;
  /// Requests that were signed, by their own date, with a token that had ended by then.
  [[nodiscard]] virtual std::uint64_t signed_past_expiry() const = 0;
  /// A new bucket belongs to the base user and is open to the full role.
  virtual void bucket_created(std::string_view bucket) = 0;
};

}  // namespace emulator
