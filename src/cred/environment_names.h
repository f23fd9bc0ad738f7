#pragma once
// Under which names the environment holds key pairs.
#include <array>
#include <cstddef>

namespace cred {

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

}  // namespace cred
