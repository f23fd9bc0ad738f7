#include "app/credential_settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "app/endpoints.h"
#include "app/object_settings.h"
#include "app/places.h"
#include "core/format.h"
#include "core/text.h"
#include "options/text_file.h"
#include "options/usage.h"
#include "policy/documents.h"

namespace app {
namespace {

using cred::SourceKind;

/// "stsfs-HOST" in the characters that a session name may have, 2 to 64 of them.
/// Source: STS API, AssumeRole, RoleSessionName.
std::string default_session_name() {
  std::string name = "stsfs-" + host_name();
  std::replace_if(
      name.begin(), name.end(),
      [](unsigned char c) {
        return c > 127 || (std::isalnum(c) == 0 && c != '.' && c != '@' && c != '-' && c != '_');
      },
      '-');
  return name.substr(0, 64);
}

/// The first variable that is set.
std::string variable(const options::Environment& environment,
                     std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (std::string value = environment.get(name); !value.empty()) {
      return value;
    }
  }
  return {};
}

bool is_on(const options::Environment& environment, std::string_view name) {
  const std::string value = core::to_lower(environment.get(name));
  return value == "true" || value == "1" || value == "yes" || value == "on";
}

sign::Credentials keys_in(const options::Environment& environment,
                          const cred::EnvironmentNames& names) {
  sign::Credentials keys{environment.get(names.access_key_id),
                         environment.secret(names.access_key_secret),
                         environment.secret(names.security_token)};
  if (keys.token.empty() && std::string_view(names.access_key_id).starts_with("ALICLOUD_")) {
    keys.token = environment.secret("SECURITY_TOKEN");  // JuiceFS's name for it
  }
  return keys;
}

/// Forbids programs and servers that no option names. Source: Alibaba Cloud's command-line tools.
constexpr std::string_view kNoExternal = "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS";
/// The three files of ossfs.
constexpr std::array<std::string_view, 3> kKeyFiles = {
    "oss-sts-multi-conf-ak-file", "oss-sts-multi-conf-sk-file", "oss-sts-multi-conf-token-file"};

/// Options that say where credentials come from; at most one may.
struct Choice {
  std::string_view option;
  SourceKind kind;
};
constexpr std::array<Choice, 12> kChoices = {{
    {"credentials-file", SourceKind::CredentialsFile},
    {"passwd-file", SourceKind::PasswdFile},
    {"credential-process", SourceKind::Process},
    {"credentials-uri", SourceKind::Uri},
    {"credentials-dir", SourceKind::Directory},
    {kKeyFiles[0], SourceKind::Directory},
    {kKeyFiles[1], SourceKind::Directory},
    {kKeyFiles[2], SourceKind::Directory},
    {"oidc-provider-arn", SourceKind::Oidc},
    {"oidc-token-file", SourceKind::Oidc},
    {"ecs-ram-role", SourceKind::Ecs},
    {"anonymous", SourceKind::Anonymous},
}};

core::Result<SourceKind> kind_of(const options::Values& values) {
  std::optional<Choice> chosen;
  for (const Choice& choice : kChoices) {
    const bool meant = choice.kind == SourceKind::Anonymous ? values.flag(choice.option)
                                                            : values.given(choice.option);
    if (!meant) {
      continue;
    }
    if (chosen && chosen->kind != choice.kind) {
      return options::usage(
          core::format("--{} and --{} both say where credentials come from: one may",
                       chosen->option, choice.option));
    }
    chosen = choice;
  }
  if (values.given("profile")) {
    if (chosen && chosen->kind != SourceKind::CredentialsFile) {
      return options::usage(core::format(
          "--profile and --{} both say where credentials come from: one may", chosen->option));
    }
    return chosen ? SourceKind::CredentialsFile : SourceKind::Profile;
  }
  return chosen ? chosen->kind : SourceKind::Chain;
}

core::Result<std::string> policy_of(const std::string& word, const policy::Rights& rights,
                                    const std::optional<Location>& location) {
  if (word == "none" || (word == "auto" && !location)) {
    return std::string();
  }
  if (word == "auto") {
    auto policy = policy::as_session_policy(policy::location_policy(
        location->grammar(), location->bucket, location->prefix, rights, policy::Layout::Compact));
    if (!policy) {
      return options::usage(
          core::format("--session-policy auto: {}: mount a shorter prefix, or name a "
                       "policy of your own, or none",
                       policy.error().message));
    }
    return policy;
  }
  const auto text = options::read_text_file(word);
  if (!text) {
    return options::usage("--session-policy: " + text.error().message);
  }
  auto policy = policy::as_session_policy(*text);
  if (!policy) {
    return options::usage(core::format("--session-policy: {}: {}", word, policy.error().message));
  }
  return policy;
}

/// True where a role may be assumed although no option names one: a profile or the environment may.
bool may_lead_to_a_role(SourceKind kind) {
  return kind == SourceKind::Chain || kind == SourceKind::Profile ||
         kind == SourceKind::CredentialsFile || kind == SourceKind::Oidc;
}

cred::Dialect dialect_of(const options::Values& values, const ServicePlace& place) {
  if (place.aws) {
    return cred::Dialect::Aws;
  }
  return values.text("sts-signature") == "acs3" ? cred::Dialect::Acs3 : cred::Dialect::Rpc;
}

core::Status read_role(const options::Values& values, const options::Environment& environment,
                       const ServicePlace& place, cred::SourceSettings& settings) {
  cred::RoleRequest& role = settings.role;
  role.role_arn = values.text("role-arn");
  if (role.role_arn.empty()) {
    if (values.given("external-id")) {
      return options::usage("--external-id is for a role: --role-arn is missing");
    }
    for (const char* option : {"role-session-name", "role-duration", "session-policy"}) {
      if (values.given(option) && !may_lead_to_a_role(settings.kind)) {
        return options::usage(core::format("--{} is for a role: --role-arn is missing", option));
      }
    }
  } else if (settings.kind == SourceKind::Anonymous) {
    return options::usage(
        "--anonymous and --role-arn contradict each other: a role is assumed by somebody");
  }
  role.session_name = values.text("role-session-name");
  if (role.session_name.empty()) {
    role.session_name =
        variable(environment, settings.aws()
                                  ? std::initializer_list<std::string_view>{"AWS_ROLE_SESSION_NAME"}
                                  : std::initializer_list<std::string_view>{
                                        "ALIBABA_CLOUD_ROLE_SESSION_NAME", "ROLE_SESSION_NAME"});
  }
  if (role.session_name.empty()) {
    role.session_name = default_session_name();
  }
  role.duration = values.duration("role-duration");
  role.external_id = values.text("external-id");
  TRY_ASSIGN(role.policy,
             policy_of(values.text("session-policy"), rights_of(values), place.location));
  return {};
}

core::Status read_sts(const options::Values& values, const options::Environment& environment,
                      const ServicePlace& place, cred::SourceSettings& settings) {
  std::string sts = values.text("sts-endpoint");
  settings.sts_told = !sts.empty();
  const auto endpoint_of = cred::traits_of(settings.dialect).sts.endpoint;
  if (sts.empty() && place.aws) {
    // Ceph and MinIO answer STS where they answer S3.
    if (!place.endpoint.host.empty() &&
        place.endpoint.host.find(".amazonaws.com") == std::string::npos) {
      settings.sts = place.endpoint;
      return {};
    }
    sts = endpoint_of(place.region, /*vpc=*/false);
  }
  if (sts.empty()) {
    sts = environment.get("ALIBABA_CLOUD_STS_ENDPOINT");
  }
  if (sts.empty()) {
    std::string region = environment.get("ALIBABA_CLOUD_STS_REGION");
    if (region.empty()) {
      region = place.region;
    }
    sts = endpoint_of(region, values.flag("internal") ||
                                  is_on(environment, "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED"));
  }
  TRY_ASSIGN(settings.sts, origin_of("sts-endpoint", sts));
  return {};
}

void read_oidc(const options::Values& values, const options::Environment& environment,
               cred::SourceSettings& settings) {
  cred::OidcRequest& oidc = settings.oidc;
  oidc.provider_arn = values.text("oidc-provider-arn");
  oidc.token_file = values.text("oidc-token-file");
  oidc.session_name = settings.role.session_name;
  if (settings.aws()) {
    oidc.role_arn = environment.get("AWS_ROLE_ARN");
    if (oidc.token_file.empty()) {
      oidc.token_file = environment.get("AWS_WEB_IDENTITY_TOKEN_FILE");
    }
    return;
  }
  oidc.role_arn = environment.get("ALIBABA_CLOUD_ROLE_ARN");
  if (oidc.provider_arn.empty()) {
    oidc.provider_arn = environment.get("ALIBABA_CLOUD_OIDC_PROVIDER_ARN");
  }
  if (oidc.token_file.empty()) {
    oidc.token_file = environment.get("ALIBABA_CLOUD_OIDC_TOKEN_FILE");
  }
}

/// What the agents of ECS and EKS tell the containers that they start.
void read_container(const options::Environment& environment, cred::SourceSettings& settings) {
  settings.container_uri = environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (const auto path = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); !path.empty()) {
    settings.container_uri = "http://169.254.170.2" + path;
  }
  settings.container_authorization.token = environment.secret("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  settings.container_authorization.token_file =
      environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
}

core::Status read_metadata(const options::Values& values, const options::Environment& environment,
                           cred::SourceSettings& settings) {
  std::string endpoint = values.text("metadata-endpoint");
  if (endpoint.empty()) {
    endpoint = cred::traits_of(settings.dialect).metadata.server;
  }
  TRY_ASSIGN(settings.metadata, origin_of("metadata-endpoint", endpoint));
  settings.ecs_role = values.text("ecs-ram-role");
  settings.ecs_weak = values.flag("ecs-weak-metadata");
  if (settings.ecs_role.find("://") != std::string::npos) {
    // ossfs takes a URL under the name of a role.
    settings.kind = SourceKind::Uri;
    settings.uri = std::exchange(settings.ecs_role, {});
    return {};
  }
  if (settings.kind == SourceKind::Chain && !settings.aws()) {
    settings.ecs_role = environment.get("ALIBABA_CLOUD_ECS_METADATA");
  }
  if (settings.ecs_role == "auto") {
    settings.ecs_role.clear();
  }
  if (settings.aws()) {
    read_container(environment, settings);
  }
  settings.external_disabled = !settings.aws() && is_on(environment, kNoExternal);
  settings.ecs_disabled =
      is_on(environment,
            settings.aws() ? "AWS_EC2_METADATA_DISABLED" : "ALIBABA_CLOUD_ECS_METADATA_DISABLED");
  return {};
}

/// Three files are a directory with names of its own: they are replaced together or not at all.
core::Status read_directory(const options::Values& values, cred::SourceSettings& settings) {
  settings.directory = values.text("credentials-dir");
  const auto given = [&](std::string_view option) { return values.given(option); };
  if (std::none_of(kKeyFiles.begin(), kKeyFiles.end(), given)) {
    return {};
  }
  if (!settings.directory.empty()) {
    return options::usage(
        core::format("--credentials-dir and --{} both say where credentials come from: "
                     "one may",
                     kKeyFiles[0]));
  }
  std::array<std::string, 3> names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!given(kKeyFiles[i])) {
      return options::usage(
          core::format("--{} is missing: the three files belong together", kKeyFiles[i]));
    }
    const std::string path = values.text(kKeyFiles[i]);
    const auto slash = path.rfind('/');
    const std::string directory = path.substr(0, std::max<std::size_t>(slash, 1));
    if (i > 0 && directory != settings.directory) {
      return options::usage(
          core::format("--{} is in {} and not in {}: files that are rotated together lie in one "
                       "directory, or those of two rotations would mix",
                       kKeyFiles[i], directory, settings.directory));
    }
    settings.directory = directory;
    names[i] = path.substr(slash + 1);
  }
  settings.key_files = {names[0], names[1], names[2], ""};
  return {};
}

void read_files(const options::Values& values, const options::Environment& environment,
                cred::SourceSettings& settings) {
  const std::string home = home_directory(environment);
  const auto told_or_home = [&](std::string_view name, std::string_view below,
                                std::vector<std::string>& into) {
    const std::string told = name.empty() ? std::string() : environment.get(name);
    if (!told.empty()) {
      into.push_back(told);
    } else if (!home.empty()) {
      into.push_back(home + std::string(below));
    }
  };
  settings.profile = values.text("profile");
  if (settings.profile.empty()) {
    settings.profile = environment.get(settings.aws() ? "AWS_PROFILE" : "ALIBABA_CLOUD_PROFILE");
  }
  settings.credentials_file = values.text("credentials-file");
  settings.passwd_file = values.text("passwd-file");
  if (settings.aws()) {
    told_or_home("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials", settings.profile_files);
    told_or_home("", "/.passwd-s3fs", settings.passwd_files);
    settings.passwd_files.emplace_back("/etc/passwd-s3fs");
    return;
  }
  if (!is_on(environment, "ALIBABA_CLOUD_CLI_PROFILE_DISABLED") ||
      settings.kind == SourceKind::Profile) {
    told_or_home("ALIBABA_CLOUD_CONFIG_FILE", "/.aliyun/config.json", settings.profile_files);
  }
  told_or_home("ALIBABA_CLOUD_CREDENTIALS_FILE", "/.alibabacloud/credentials",
               settings.profile_files);
  told_or_home("OSS_CREDENTIAL_FILE", "/.passwd-ossfs", settings.passwd_files);
  settings.passwd_files.emplace_back("/etc/passwd-ossfs");
}

}  // namespace

core::Result<cred::SourceSettings> credential_settings(const options::Values& values,
                                                       const options::Environment& environment,
                                                       const ServicePlace& place) {
  cred::SourceSettings settings;
  settings.dialect = dialect_of(values, place);
  settings.region = place.region;
  settings.bucket = place.location ? place.location->bucket : "";
  TRY_ASSIGN(settings.kind, kind_of(values));
  std::transform(cred::kEnvironmentNames.begin(), cred::kEnvironmentNames.end(),
                 settings.environment.begin(),
                 [&](const auto& names) { return keys_in(environment, names); });
  settings.process = values.text("credential-process");
  settings.child_environment = environment.for_children();
  TRY(read_directory(values, settings));
  settings.service_directory = environment.get("CREDENTIALS_DIRECTORY");
  settings.uri = values.text("credentials-uri");
  if (settings.uri.empty()) {
    settings.uri = environment.get("ALIBABA_CLOUD_CREDENTIALS_URI");
  }
  TRY(read_role(values, environment, place, settings));
  TRY(read_sts(values, environment, place, settings));
  read_oidc(values, environment, settings);
  TRY(read_metadata(values, environment, settings));
  read_files(values, environment, settings);
  return settings;
}

}  // namespace app
