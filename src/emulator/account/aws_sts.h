#pragma once
// AWS's Security Token Service, API version 2011-06-15: what mounts of the S3 dialect renew with.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/clock.h"
#include "emulator/account/directory.h"
#include "emulator/account/key_ring.h"
#include "emulator/account/signature.h"
#include "emulator/account/sts.h"

namespace emulator {

/// Whether a call of STS is meant for AWS's: by its Version, or because it is signed with SigV4.
bool is_aws_sts(const RawRequest& request, std::string_view body);
/// A refusal in AWS's words: ErrorResponse/Error{Type, Code, Message}, RequestId.
Answer aws_sts_refusal(const ServiceError& error, const std::string& request_id);

/// AssumeRole and GetCallerIdentity (signed, SigV4), AssumeRoleWithWebIdentity (not signed): the
/// same users, roles and session policies as Sts, with ARNs as AWS writes them.
/// Threads: any.
/// Source: AWS, "AWS Security Token Service API Reference", and its "Common errors".
class AwsSts {
 public:
  AwsSts(const Directory& directory, const KeyRing& keys, const SigningKeys& signing_keys,
         const core::Clock& clock, StsSettings settings)
      : directory_(directory),
        keys_(keys),
        signing_keys_(signing_keys),
        clock_(clock),
        settings_(std::move(settings)) {}

  [[nodiscard]] Answer answer(const RawRequest& request, std::string_view body,
                              core::Duration clock_offset) const;

 private:
  struct Call;
  struct Wanted;
  using Rendered = std::variant<std::string, ServiceError>;
  using Signer = std::variant<std::shared_ptr<const Bearer>, ServiceError>;

  [[nodiscard]] Rendered run(const Call& call) const;
  [[nodiscard]] Rendered assume_role(const Call& call) const;
  [[nodiscard]] Rendered assume_role_with_web_identity(const Call& call) const;
  [[nodiscard]] Rendered caller_identity(const Call& call) const;
  [[nodiscard]] Signer authenticate(const Call& call) const;
  [[nodiscard]] std::variant<Wanted, ServiceError> read_wanted(const Call& call) const;
  [[nodiscard]] std::optional<ServiceError> check_policy(std::string_view policy) const;
  /// `chained`: asked for by a session.
  [[nodiscard]] std::variant<core::Duration, ServiceError> lifetime_of(const Call& call,
                                                                       const Role& role,
                                                                       bool chained) const;
  [[nodiscard]] Issued issue(const Wanted& wanted, core::Duration lifetime,
                             core::WallTime now) const;

  const Directory& directory_;
  const KeyRing& keys_;
  const SigningKeys& signing_keys_;
  const core::Clock& clock_;
  const StsSettings settings_;
};

}  // namespace emulator
