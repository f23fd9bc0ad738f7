#pragma once
#include <string>
#include <vector>

#include "core/child_process.h"
#include "cred/credential_source.h"
#include "cred/service_clock.h"
#include "cred/source_spec.h"

namespace cred {

/// A program that prints credentials as JSON, in any of the spellings that its peers know.
///
/// It gets `environment` and nothing else, the time of one fetch, and 64 KiB for its answer. What
/// it writes on standard error goes to the log, without the secrets that it printed. Credentials
/// without an expiration are used until the service refuses them. What it prints wrongly is
/// permanent, as is a failure to start; running out of time is transient. Source: CLI, mode
/// External; ossfs 2, credential_process.
class ProcessSource final : public CredentialSource {
 public:
  ProcessSource(ProcessSpec process, std::vector<std::string> environment,
                core::ChildRunner& runner, ServiceClock& clock);
  Fetched fetch(const core::OpContext& context) override;
  /// The program, without its arguments, which may hold a password.
  [[nodiscard]] std::string describe() const override;

 private:
  const core::ChildOrder order_;
  core::ChildRunner& runner_;
  ServiceClock& clock_;
};

}  // namespace cred
