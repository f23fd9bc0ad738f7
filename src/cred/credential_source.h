#pragma once
// A source fetches once and says how it went. Sources differ only in this.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/op_context.h"
#include "core/result.h"
#include "core/time.h"
#include "sign/credentials.h"

namespace cred {

/// Credentials with their life. A lifetime is counted on the steady clock from the moment of the
/// answer, so that neither suspend nor a wrong wall clock stretches it.
struct Lease {
  sign::Credentials credentials;
  std::optional<core::SteadyTime> expires;  ///< nothing: long-lived
  core::SteadyTime issued;
};

/// Why a fetch did not bring a lease.
struct FetchFailure {
  enum class Class : std::uint8_t {
    NotConfigured,  ///< nothing here: a chain moves on
    Transient,      ///< 5xx, throttling, time-out, connection: try again
    Permanent,      ///< a refusal that repeating does not change
  };
  Class kind = Class::Transient;
  core::Error error;
  std::optional<core::Duration> retry_after;
};

using Fetched = tl::expected<Lease, FetchFailure>;

/// Threads: one fetch at a time; the refresher sees to it.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  /// Fetches once. Blocks up to the context's deadline.
  virtual Fetched fetch(const core::OpContext& context) = 0;
  /// For people: "AssumeRole acs:ram::1:role/x over environment". No secret in it.
  [[nodiscard]] virtual std::string describe() const = 0;
  /// The files, by absolute paths, whose change means other credentials. Threads: any.
  [[nodiscard]] virtual std::vector<std::string> files() const { return {}; }
  /// One of them changed: what is kept of another source's answer may be stale. Threads: as
  /// fetch().
  virtual void source_changed() {}
};

}  // namespace cred
