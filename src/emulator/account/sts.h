#pragma once
// Alibaba Cloud's Security Token Service, API version 2015-04-01.
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "core/clock.h"
#include "core/mutex.h"
#include "emulator/account/directory.h"
#include "emulator/account/key_ring.h"
#include "emulator/account/signature_rpc.h"

namespace emulator {

/// Nonces in use: one that comes back while its time stamp is still good is a replay.
/// Threads: any.
class NonceBook {
 public:
  /// False if `nonce` of that key was seen before. It is remembered until `until`.
  bool enter(std::string_view access_key_id, std::string_view nonce, core::WallTime until,
             core::WallTime now);

 private:
  core::Mutex mutex_{core::LockRank::Leaf};
  std::unordered_set<std::string> seen_ GUARDED_BY(mutex_);
  std::deque<std::pair<core::WallTime, std::string>> order_ GUARDED_BY(mutex_);
};

struct StsSettings {
  core::Duration min_duration = std::chrono::seconds{900};
  std::string oidc_token;  ///< a web-identity token that is accepted as it is; empty: none
};

/// AssumeRole and GetCallerIdentity (signed), AssumeRoleWithOIDC (not signed).
/// Threads: any.
class Sts {
 public:
  Sts(const Directory& directory, const KeyRing& keys, const core::Clock& clock,
      StsSettings settings)
      : directory_(directory), keys_(keys), clock_(clock), settings_(std::move(settings)) {}

  /// Shape: XML unless Format=JSON or the call is signed by ACS3.
  [[nodiscard]] Answer answer(const RawRequest& request, std::string_view body,
                              core::Duration clock_offset);
  /// The action's name as sent; empty if there is none.
  static std::string action_of(const RawRequest& request, std::string_view body);

 private:
  struct Call;
  struct Reply;
  [[nodiscard]] Reply run(const Call& call);
  [[nodiscard]] Reply assume_role(const Call& call);
  [[nodiscard]] Reply assume_role_with_oidc(const Call& call);
  [[nodiscard]] Reply caller_identity(const Call& call);
  /// The signer of the call, or why it is not believed.
  [[nodiscard]] std::variant<std::shared_ptr<const Bearer>, ServiceError> authenticate(
      const Call& call);
  /// What both ways of assuming a role check and answer alike.
  struct Request;
  [[nodiscard]] std::variant<Request, ServiceError> read_request(const Call& call) const;
  [[nodiscard]] std::variant<core::Duration, ServiceError> lifetime_of(const Call& call,
                                                                       const Role& role) const;

  const Directory& directory_;
  const KeyRing& keys_;
  const core::Clock& clock_;
  const StsSettings settings_;
  NonceBook nonces_;
};

}  // namespace emulator
