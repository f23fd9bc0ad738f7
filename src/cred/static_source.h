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
/// In order of preference: the general SDKs', OSS's own, those of ossfs 1, other spellings of the
/// CLI, those of Terraform and JuiceFS; AWS's come first in its dialect and not at all in ours.
inline constexpr std::array<EnvironmentNames, 7> kEnvironmentNames = {{
    {"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
     "ALIBABA_CLOUD_SECURITY_TOKEN"},
    {"OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN"},
    {"OSSACCESSKEYID", "OSSSECRETACCESSKEY", "OSSSESSIONTOKEN"},
    {"ALIBABACLOUD_ACCESS_KEY_ID", "ALIBABACLOUD_ACCESS_KEY_SECRET", "ALIBABACLOUD_SECURITY_TOKEN"},
    {"ALICLOUD_ACCESS_KEY_ID", "ALICLOUD_ACCESS_KEY_SECRET", "ALICLOUD_SECURITY_TOKEN"},
    {"ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY", "ALICLOUD_SECURITY_TOKEN"},
    {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"},
}};
inline constexpr std::size_t kAwsNames = kEnvironmentNames.size() - 1;
/// What those variables held when the program started; what was not set is empty.
using EnvironmentValues = std::array<sign::Credentials, kEnvironmentNames.size()>;

/// The first complete pair. Half a pair is refused, not skipped: somebody meant it.
class EnvironmentSource final : public CredentialSource {
 public:
  EnvironmentSource(EnvironmentValues values, core::Clock& clock, bool aws = false)
      : values_(std::move(values)), clock_(clock), aws_(aws) {}
  Fetched fetch(const core::OpContext& context) override;
  [[nodiscard]] std::string describe() const override { return "environment"; }

 private:
  Fetched fetch_row(std::size_t row, const core::OpContext& context) const;

  const EnvironmentValues values_;
  core::Clock& clock_;
  const bool aws_;
};

/// No credentials at all: requests go out unsigned, for buckets that everybody may read.
class AnonymousSource final : public CredentialSource {
 public:
  explicit AnonymousSource(core::Clock& clock) : clock_(clock) {}
  Fetched fetch(const core::OpContext& /*context*/) override {
    return Lease{{}, std::nullopt, clock_.steady_now()};
  }
  [[nodiscard]] std::string describe() const override { return "anonymous"; }

 private:
  core::Clock& clock_;
};

}  // namespace cred
