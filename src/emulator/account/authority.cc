#include "emulator/account/authority.h"

#include <atomic>
#include <utility>

#include "emulator/account/aws_sts.h"
#include "emulator/account/directory.h"
#include "emulator/account/iam_words.h"
#include "emulator/account/key_ring.h"
#include "emulator/account/metadata.h"
#include "emulator/account/policy.h"
#include "emulator/account/signature_oss.h"
#include "emulator/account/signature_s3.h"
#include "emulator/account/sts.h"
#include "emulator/account/url_limits.h"

namespace emulator {
namespace {

ServiceError refused(int status, std::string code, std::string message, std::string ec) {
  return {status, std::move(code), std::move(message), std::move(ec), {}};
}

/// Source: OSS error list; whether an expired token shows as itself or as an invalid key varies.
ServiceError oss_key_error(const Claim& claim, KeyProblem problem, bool expired_as_invalid_key) {
  ServiceError error =
      refused(403, "InvalidAccessKeyId",
              "The OSS Access Key Id you provided does not exist in our records.", "0002-00000902");
  switch (problem) {
    case KeyProblem::Unknown:
    case KeyProblem::TokenMissing:
      break;
    case KeyProblem::Inactive:
      error.message = "The OSS Access Key Id is disabled.";
      break;
    case KeyProblem::TokenUnexpected:
      error.ec = "0002-00000002";
      break;
    case KeyProblem::TokenExpired:
      if (expired_as_invalid_key) {
        error.ec = "0002-00000002";
        break;
      }
      return refused(403, "SecurityTokenExpired", "The security token you provided has expired.",
                     "0002-00000007");
    case KeyProblem::TokenMalformed:
      return refused(403, "InvalidSecurityToken", "The security token you provided is invalid.",
                     "0002-00000006");
    case KeyProblem::TokenMismatch:
    case KeyProblem::TokenRevoked:
      return refused(403, "InvalidSecurityToken", "The security token you provided is invalid.",
                     "0002-00000008");
  }
  error.details = {{"OSSAccessKeyId", claim.access_key_id}};
  return error;
}

ServiceError s3_key_error(const Claim& claim, KeyProblem problem, bool expired_as_denied) {
  switch (problem) {
    case KeyProblem::Unknown:
    case KeyProblem::TokenMissing:
    case KeyProblem::Inactive:
      break;
    case KeyProblem::TokenExpired:
      if (expired_as_denied) {
        return refused(403, "AccessDenied", "Access Denied", "0003-00000001");
      }
      return refused(400, "ExpiredToken", "The provided token has expired.", "0002-00000007");
    case KeyProblem::TokenUnexpected:
    case KeyProblem::TokenMalformed:
    case KeyProblem::TokenMismatch:
    case KeyProblem::TokenRevoked:
      return refused(400, "InvalidToken", "The provided token is malformed or otherwise invalid.",
                     "0002-00000006");
  }
  ServiceError error =
      refused(403, "InvalidAccessKeyId",
              "The AWS Access Key Id you provided does not exist in our records.", "0002-00000902");
  error.details = {{"AWSAccessKeyId", claim.access_key_id}};
  return error;
}

class OneAccount final : public Authority {
 public:
  OneAccount(AuthorityOptions options, Directory directory, AuthorityState state,
             const core::Clock& clock)
      : options_(std::move(options)),
        directory_(std::move(directory)),
        clock_(clock),
        keys_(directory_, std::move(state), options_.data_dir),
        sts_(directory_, keys_, clock_, {options_.min_duration, options_.oidc_token}),
        aws_sts_(directory_, keys_, signing_keys_, clock_,
                 {options_.min_duration, options_.oidc_token}),
        metadata_(directory_, keys_, clock_, options_.weak_metadata) {}

  [[nodiscard]] Identity identity() const override {
    return {directory_.base_user().access_key_id,
            std::string(directory_.base_user().access_key_secret.reveal()),
            directory_.full_role().arn,
            directory_.seed_role().arn,
            iam_arn(directory_.full_role().arn),
            iam_arn(directory_.seed_role().arn),
            directory_.ecs_role};
  }

  [[nodiscard]] std::vector<std::string> buckets() const override { return directory_.buckets; }

  [[nodiscard]] std::variant<Verified, ServiceError> verify(
      const RawRequest& request, std::string_view bucket, std::string_view key,
      core::Duration clock_offset) const override {
    Presented presented = read_claim(request);
    if (auto* error = std::get_if<ServiceError>(&presented)) {
      return std::move(*error);
    }
    if (std::holds_alternative<std::monostate>(presented)) {
      return Verified{};
    }
    const auto& claim = std::get<Claim>(presented);
    const core::WallTime now = clock_.wall_now() + clock_offset;
    const bool s3 = claim.scheme == Scheme::S3V4;
    auto resolved = keys_.resolve(claim.access_key_id, claim.token, now);
    if (const auto* problem = std::get_if<KeyProblem>(&resolved)) {
      if (*problem == KeyProblem::TokenExpired && !claim.by_url &&
          keys_.has_expired(claim.token, claim.date)) {
        ++signed_past_expiry_;
      }
      return s3 ? s3_key_error(claim, *problem, options_.expired_as_denied)
                : oss_key_error(claim, *problem, options_.expired_as_invalid_key);
    }
    const auto& bearer = *std::get<std::shared_ptr<const Bearer>>(resolved);
    if (auto error = check(request, claim, bearer, bucket, key, now)) {
      return *std::move(error);
    }
    return Verified{bearer.principal, s3 ? Dialect::S3 : Dialect::Oss, claim.by_url};
  }

  [[nodiscard]] std::optional<ServiceError> authorize(
      const Principal& principal, std::string_view action, std::string_view resource,
      const ConditionValues& conditions) const override {
    if (principal.kind == Principal::Kind::Anonymous) {
      return refused(403, "AccessDenied",
                     "You have no right to access this object because of bucket acl.",
                     "0003-00000001");
    }
    if (principal.grants != nullptr &&
        principal.grants->decide(action, resource, conditions) == Verdict::Allow) {
      return std::nullopt;
    }
    return refused(403, "AccessDenied",
                   "You have no right to access this object: no policy allows " +
                       std::string(action) + " on " + std::string(resource) + ".",
                   "0003-00000001");
  }

  [[nodiscard]] Answer sts(const RawRequest& request, std::string_view body,
                           core::Duration clock_offset, std::string& operation) override {
    operation = Sts::action_of(request, body);
    return is_aws_sts(request, body) ? aws_sts_.answer(request, body, clock_offset)
                                     : sts_.answer(request, body, clock_offset);
  }

  [[nodiscard]] std::string sts_action(const RawRequest& request,
                                       std::string_view body) const override {
    return Sts::action_of(request, body);
  }

  [[nodiscard]] Answer metadata(const RawRequest& request) override {
    return metadata_.answer(request);
  }

  core::Status revoke_all() override { return keys_.revoke_all(); }

  core::Status set_policies(const std::string& role,
                            const std::vector<std::string>& documents) override {
    KeyRing::Policies policies;
    for (const std::string& document : documents) {
      TRY_ASSIGN(Policy policy, Policy::parse(document, directory_.place));
      policies.push_back(std::make_shared<const Policy>(std::move(policy)));
    }
    return keys_.set_policies(role, std::move(policies));
  }

  core::Status restore_policies(const std::string& role) override {
    return keys_.set_policies(role, std::nullopt);
  }

  [[nodiscard]] std::uint64_t signed_past_expiry() const override { return signed_past_expiry_; }

  /// Nothing to do: the account has one owner, and the full role's policy names every bucket.
  void bucket_created(std::string_view /*bucket*/) override {}

 private:
  [[nodiscard]] std::optional<ServiceError> check(const RawRequest& request, const Claim& claim,
                                                  const Bearer& bearer, std::string_view bucket,
                                                  std::string_view key, core::WallTime now) const {
    // S3 clients are rarely told a region of ours; a CloudBox signs with its own id.
    if (claim.scheme == Scheme::OssV4 && claim.product == "oss" && !directory_.any_region &&
        claim.region != options_.region) {
      return claim.by_url
                 ? refused(400, "InvalidArgument", "The signing region in credential is invalid.",
                           {})
                 : refused(400, "InvalidArgument",
                           "Invalid signing region in Authorization header.", "0002-00000226");
    }
    if (auto error = check_time(claim, now)) {
      return error;
    }
    auto error = claim.scheme == Scheme::S3V4
                     ? check_s3_signature(request, claim, bearer.secret.reveal(), signing_keys_)
                     : check_oss_signature(request, claim, bearer.secret.reveal(), signing_keys_,
                                           bucket, key);
    if (error || !claim.by_url) {
      return error;
    }
    return check_url_limits(request, options_.client_vpc);
  }

  const AuthorityOptions options_;
  const Directory directory_;
  const core::Clock& clock_;
  SigningKeys signing_keys_;
  KeyRing keys_;
  Sts sts_;
  AwsSts aws_sts_;
  MetadataService metadata_;
  mutable std::atomic<std::uint64_t> signed_past_expiry_{0};
};

}  // namespace

core::Result<std::unique_ptr<Authority>> Authority::open(AuthorityOptions options,
                                                         const core::Clock& clock) {
  AuthorityState state;
  if (options.data_dir.empty()) {
    state = new_authority_state();
  } else {
    TRY_ASSIGN(state, load_or_create_state(options.data_dir));
  }
  TRY_ASSIGN(Directory directory, Directory::load(options, state));
  return std::unique_ptr<Authority>(
      new OneAccount(std::move(options), std::move(directory), std::move(state), clock));
}

}  // namespace emulator
