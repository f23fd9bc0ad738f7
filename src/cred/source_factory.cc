#include "cred/source_factory.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/format.h"
#include "cred/assume_role.h"
#include "cred/chain.h"
#include "cred/credentials_uri.h"
#include "cred/ecs_metadata.h"
#include "cred/failure.h"
#include "cred/key_directory.h"
#include "cred/local_lease.h"
#include "cred/oidc_role.h"
#include "cred/passwd_file.h"
#include "cred/process_source.h"
#include "cred/profile_source.h"
#include "cred/source_spec.h"

namespace cred {
namespace {

using Source = std::unique_ptr<CredentialSource>;
using Made = core::Result<Source>;

core::Error invalid(std::string message) {
  return core::fail(core::ErrorKind::InvalidArgument, std::move(message));
}

/// Credentials that a profile holds; with the end that it names.
class GivenSource final : public CredentialSource {
 public:
  GivenSource(GivenCredentials given, ServiceClock& clock)
      : given_(std::move(given)), clock_(clock) {}
  Fetched fetch(const core::OpContext& /*context*/) override {
    auto lease = local_lease(given_, clock_);
    return lease ? Fetched(*std::move(lease)) : permanent(std::move(lease).error());
  }
  [[nodiscard]] std::string describe() const override {
    return "access key " + given_.credentials.access_key_id;
  }

 private:
  const GivenCredentials given_;
  ServiceClock& clock_;
};

/// Sources that were asked for by name: without them there is no other.
class Required final : public CredentialSource {
 public:
  explicit Required(Source source) : source_(std::move(source)) {}
  Fetched fetch(const core::OpContext& context) override {
    auto fetched = source_->fetch(context);
    if (!fetched && fetched.error().kind == FetchFailure::Class::NotConfigured) {
      fetched.error().kind = FetchFailure::Class::Permanent;
    }
    return fetched;
  }
  [[nodiscard]] std::string describe() const override { return source_->describe(); }
  [[nodiscard]] std::vector<std::string> files() const override { return source_->files(); }
  void source_changed() override { source_->source_changed(); }

 private:
  const Source source_;
};

bool is_directory(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

class Factory : public std::enable_shared_from_this<Factory> {
 public:
  Factory(SourceSettings settings, const SourceWorld& world)
      : settings_(std::move(settings)), traits_(traits_of(settings_.dialect)), world_(world) {}

  Made make() {
    switch (settings_.kind) {
      case SourceKind::Chain:
        return chain();
      case SourceKind::Profile:
        return with_role(profiles());
      case SourceKind::CredentialsFile:
        return with_role(profile(settings_.credentials_file));
      case SourceKind::PasswdFile:
        return with_role(passwd_file(settings_.passwd_file));
      case SourceKind::Process: {
        TRY_ASSIGN(auto command, parse_command(settings_.process));
        return with_role(process(std::move(command)));
      }
      case SourceKind::Uri: {
        TRY_ASSIGN(Source source, uri(settings_.uri));
        return with_role(std::move(source));
      }
      case SourceKind::Directory:
        return with_role(directory(settings_.directory, settings_.key_files));
      case SourceKind::Oidc:
        return oidc_told();
      case SourceKind::Ecs:
        return with_role(ecs(settings_.ecs_role, /*may_be_absent=*/false));
      case SourceKind::Anonymous:
        return Source(std::make_unique<AnonymousSource>(world_.clock.own()));
    }
    return invalid("no such source");
  }

 private:
  [[nodiscard]] bool role_told() const { return !settings_.role.role_arn.empty(); }

  // --- one by one ---

  Source environment() const {
    return std::make_unique<EnvironmentSource>(settings_.environment, traits_.environment,
                                               world_.clock.own());
  }
  Source directory(const std::string& path, const KeyFileNames& names) const {
    return std::make_unique<KeyDirectory>(path, names, world_.clock);
  }
  Source passwd_file(const std::string& path) const {
    // Kubernetes' images of ossfs take the rotated directory under the name of the key file.
    if (is_directory(path)) {
      return directory(path, kTripleNames);
    }
    return std::make_unique<PasswdFile>(path, settings_.bucket, world_.clock);
  }
  Source process(ProcessSpec command) const {
    return std::make_unique<ProcessSource>(std::move(command), settings_.child_environment,
                                           world_.runner, world_.clock);
  }
  Source ecs(const std::string& role, bool may_be_absent) const {
    return std::make_unique<EcsMetadata>(
        EcsOptions{traits_.metadata, settings_.metadata, role, settings_.ecs_weak, may_be_absent},
        world_.transport, world_.clock);
  }
  Made uri(const std::string& text, const UriAuthorization& authorization = {}) const {
    const auto scheme = text.find("://");
    const auto path = text.find_first_of("/?#", scheme == std::string::npos ? 0 : scheme + 3);
    auto origin = http::parse_origin(text.substr(0, path));
    std::string target = path == std::string::npos ? "/" : text.substr(path);
    if (!target.starts_with('/')) {
      target.insert(0, "/");
    }
    const bool sendable = std::all_of(target.begin(), target.end(),
                                      [](char c) { return c > ' ' && c <= '~' && c != '#'; });
    if (!origin || !sendable) {
      return invalid("the credentials URI is no http:// or https:// URL");
    }
    return Source(std::make_unique<CredentialsUri>(*std::move(origin), std::move(target),
                                                   world_.transport, world_.clock, authorization));
  }
  /// What runs on the same host may be asked in plain http, and nobody else.
  /// Source: AWS SDKs, "Container credential provider".
  Made container() const {
    const std::string& text = settings_.container_uri;
    const auto path = text.find_first_of("/?#", text.find("://") + 3);
    const auto origin = http::parse_origin(text.substr(0, path));
    constexpr std::array<std::string_view, 3> kAgents = {"169.254.170.2", "169.254.170.23",
                                                         "fd00:ec2::23"};
    if (origin && origin->scheme == "http" && !http::is_loopback(origin->host) &&
        std::find(kAgents.begin(), kAgents.end(), origin->host) == kAgents.end()) {
      return invalid(
          core::format("AWS_CONTAINER_CREDENTIALS_FULL_URI names {} in plain http: only "
                       "this host and the agents at 169.254.170.2, 169.254.170.23 and "
                       "fd00:ec2::23 may be asked so",
                       origin->host));
    }
    auto made = uri(text, settings_.container_authorization);
    return made ? std::move(made)
                : invalid("AWS_CONTAINER_CREDENTIALS_FULL_URI is no http:// or https:// URL");
  }
  Source profile(const std::string& path) {
    return std::make_unique<ProfileSource>(
        path, settings_.profile, [self = shared_from_this()](const SourceSpec& spec) {
          return self->from_spec(spec, /*last=*/!self->role_told());
        });
  }
  Source profiles() {
    std::vector<Source> sources;
    for (const std::string& path : settings_.profile_files) {
      sources.push_back(profile(path));
    }
    return std::make_unique<Chain>(std::move(sources));
  }

  // --- roles ---

  [[nodiscard]] StsClient client(http::Origin sts) const {
    return {{std::move(sts), settings_.dialect, settings_.region}, world_.transport, world_.clock};
  }
  Source role(RoleRequest request, Source base, http::Origin sts) const {
    return std::make_unique<AssumeRole>(std::move(request), std::move(base),
                                        client(std::move(sts)));
  }
  Source oidc_role(OidcRequest request, http::Origin sts) const {
    return std::make_unique<OidcRole>(std::move(request), client(std::move(sts)));
  }
  Source with_role(Source source) const {
    return role_told() ? role(settings_.role, std::move(source), settings_.sts) : std::move(source);
  }

  /// An OIDC token's role is --role-arn, or what the environment names; two different ones are a
  /// chain of both.
  [[nodiscard]] bool oidc_is_last() const {
    const std::string& first = settings_.oidc.role_arn;
    return !role_told() || first.empty() || first == settings_.role.role_arn;
  }
  Source oidc() const {
    OidcRequest request = settings_.oidc;
    if (oidc_is_last()) {
      if (role_told()) {
        request.role_arn = settings_.role.role_arn;
      }
      request.session_name = settings_.role.session_name;
      request.duration = settings_.role.duration;
      request.policy = settings_.role.policy;
    }
    complete(request.session_name);
    return oidc_role(std::move(request), settings_.sts);
  }
  [[nodiscard]] bool has_oidc_token() const {
    return !settings_.oidc.token_file.empty() &&
           (traits_.sts.provider_parameter.empty() || !settings_.oidc.provider_arn.empty());
  }
  Made oidc_told() const {
    if (!has_oidc_token()) {
      return invalid(
          "an OIDC token is exchanged with both --oidc-provider-arn and "
          "--oidc-token-file");
    }
    if (settings_.oidc.role_arn.empty() && !role_told()) {
      return invalid("an OIDC token is exchanged for a role: --role-arn is missing");
    }
    return oidc_is_last() ? oidc() : with_role(oidc());
  }

  void complete(std::string& session_name) const {
    if (session_name.empty()) {
      session_name = settings_.role.session_name;
    }
  }

  // --- the default chain ---

  Made chain() {
    std::vector<Source> sources;
    const SourceSettings& s = settings_;
    sources.push_back(environment());
    if (!s.service_directory.empty()) {
      sources.push_back(directory(s.service_directory, kServiceNames));
    }
    const bool by_oidc = has_oidc_token() && (!s.oidc.role_arn.empty() || role_told());
    const std::size_t oidc_at = sources.size();
    if (by_oidc) {
      sources.push_back(oidc());
    }
    if (!s.profile_files.empty()) {
      sources.push_back(s.profile.empty() ? profiles()
                                          : Source(std::make_unique<Required>(profiles())));
    }
    for (const std::string& path : s.passwd_files) {
      sources.push_back(passwd_file(path));
    }
    if (!s.container_uri.empty()) {
      TRY_ASSIGN(Source source, container());
      sources.push_back(std::move(source));
    }
    if (!s.ecs_disabled) {
      sources.push_back(ecs(s.ecs_role, /*may_be_absent=*/s.ecs_role.empty()));
    }
    if (!s.uri.empty() && !s.external_disabled) {
      TRY_ASSIGN(Source source, uri(s.uri));
      sources.push_back(std::move(source));
    }
    if (!by_oidc || !oidc_is_last()) {
      return with_role(std::make_unique<Chain>(std::move(sources)));
    }
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (i != oidc_at) {
        sources[i] = with_role(std::move(sources[i]));
      }
    }
    return Source(std::make_unique<Chain>(std::move(sources)));
  }

  // --- profiles ---

  core::Result<http::Origin> sts_at(const StsPlace& place) const {
    if (settings_.sts_told || (place.endpoint.empty() && place.region.empty() && !place.vpc)) {
      return settings_.sts;
    }
    std::string url = place.endpoint;
    if (url.empty()) {
      const std::string& region = place.region.empty() ? settings_.region : place.region;
      if (region.empty()) {
        return invalid("enable_vpc needs sts_region");
      }
      url = traits_.sts.endpoint(region, place.vpc);
    }
    auto origin = http::parse_origin(url.find("://") == std::string::npos ? "https://" + url : url);
    if (!origin) {
      return invalid("sts_endpoint: " + origin.error().message);
    }
    return origin;
  }

  /// `last` says that this is the role that requests are made with: the mount's session policy is
  /// its, unless it has one.
  Made from_spec(const SourceSpec& spec, bool last) {
    return std::visit([&](const auto& how) { return from(how, last); }, spec.how);
  }
  Made from(const GivenCredentials& given, bool /*last*/) const {
    return Source(std::make_unique<GivenSource>(given, world_.clock));
  }
  /// What the mount's options say of its last role holds where the profile does not say it.
  void complete(RoleTerms& terms, bool last) const {
    complete(terms.session_name);
    if (last && terms.policy.empty()) {
      terms.policy = settings_.role.policy;
    }
    if (last && terms.duration == core::Duration{0}) {
      terms.duration = settings_.role.duration;
    }
  }
  Made from(const RoleSpec& spec, bool last) {
    TRY_ASSIGN(Source base, from_spec(*spec.base, false));
    TRY_ASSIGN(http::Origin sts, sts_at(spec.sts));
    RoleRequest request = spec.role;
    complete(request, last);
    return role(std::move(request), std::move(base), std::move(sts));
  }
  Made from(const OidcSpec& spec, bool last) const {
    TRY_ASSIGN(http::Origin sts, sts_at(spec.sts));
    OidcRequest request = spec.request;
    complete(request, last);
    return oidc_role(std::move(request), std::move(sts));
  }
  Made from(const EcsSpec& spec, bool /*last*/) const { return ecs(spec.role_name, false); }
  Made from(const ProcessSpec& spec, bool /*last*/) const {
    TRY(external_allowed());
    return process(spec);
  }
  Made from(const UriSpec& spec, bool /*last*/) const {
    TRY(external_allowed());
    return uri(spec.uri);
  }
  [[nodiscard]] core::Status external_allowed() const {
    if (settings_.external_disabled) {
      return core::fail(core::ErrorKind::Denied,
                        "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS forbids profiles that name a "
                        "program or a server; an option may name it");
    }
    return {};
  }

  const SourceSettings settings_;
  const Traits& traits_;
  const SourceWorld world_;
};

}  // namespace

core::Result<std::unique_ptr<CredentialSource>> make_source(const SourceSettings& settings,
                                                            const SourceWorld& world) {
  return std::make_shared<Factory>(settings, world)->make();
}

}  // namespace cred
