#pragma once
#include <array>
#include <memory>
#include <string>

#include "core/clock.h"
#include "cred/credential_source.h"

namespace cred {

/// Credentials given as values; without an end that we know of.
class StaticSource final : public CredentialSource {
 public:
  /// `name` says where the values come from, for people.
  StaticSource(sign::Credentials credentials, std::string name, core::Clock& clock)
      : credentials_(std::move(credentials)), name_(std::move(name)), clock_(clock) {}
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override { return name_; }

 private:
  const sign::Credentials credentials_;
  const std::string name_;
  core::Clock& clock_;
};

/// One spelling of a key pair in the environment.
struct EnvironmentNames {
  const char* access_key_id;
  const char* access_key_secret;
  const char* security_token;
};
/// In order of preference: the general SDKs', then OSS's own.
inline constexpr std::array<EnvironmentNames, 2> kEnvironmentNames = {{
    {"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
     "ALIBABA_CLOUD_SECURITY_TOKEN"},
    {"OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN"},
}};
/// What those variables held when the program started; what was not set is empty.
using EnvironmentValues = std::array<sign::Credentials, kEnvironmentNames.size()>;

/// The first complete pair. Half a pair is refused, not skipped: somebody meant it.
class EnvironmentSource final : public CredentialSource {
 public:
  EnvironmentSource(EnvironmentValues values, core::Clock& clock)
      : values_(std::move(values)), clock_(clock) {}
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override { return "environment"; }

 private:
  const EnvironmentValues values_;
  core::Clock& clock_;
};

}  // namespace cred
