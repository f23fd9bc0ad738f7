#pragma once
// What whoever signs needs to know of credentials.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/op_context.h"
#include "core/result.h"
#include "cred/credential_source.h"

namespace cred {

/// An immutable state of the credentials. Versions count up from 1.
struct Held {
  Lease lease;
  std::uint64_t version = 0;
};

/// What an operator wants to see.
struct ProviderStatus {
  std::string source;
  std::string access_key_id;  ///< the id is no secret
  std::optional<core::WallTime> expires;
  std::optional<core::WallTime> next_renewal;
  std::uint64_t renewals = 0;    ///< leases obtained, the first included
  std::uint64_t failures = 0;    ///< fetches that brought none
  std::uint64_t rejections = 0;  ///< versions that the service refused
  std::string last_error;        ///< of the last failed fetch; empty after a success
  bool degraded = false;         ///< serving a lease whose renewal fails
};

/// Threads: any.
class CredentialProvider {
 public:
  virtual ~CredentialProvider() = default;

  /// Credentials good for a request that starts now. Returns at once while fresh; waits for the
  /// flight in progress when mandatory, rejected or expired, up to the credential wait and the
  /// context's deadline.
  /// Errors: Unauthenticated when the wait ends empty; Cancelled.
  virtual core::Result<std::shared_ptr<const Held>> get(const core::OpContext& context) = 0;

  /// The service refused this version: it counts as expired from now on and a renewal starts.
  /// A late refusal of an older version changes nothing.
  virtual void reject(std::uint64_t version) = 0;

  /// The difference service clock - own wall clock, for whoever signs.
  [[nodiscard]] virtual core::Duration clock_offset() const = 0;
  /// Learnt from the Date of an answer that complained of skew.
  virtual void correct_clock(core::WallTime service_now) = 0;

  [[nodiscard]] virtual ProviderStatus status() const = 0;
};

}  // namespace cred
