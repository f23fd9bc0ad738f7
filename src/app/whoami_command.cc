#include <chrono>
#include <cstdio>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/service.h"
#include "app/whoami.h"
#include "core/log.h"

namespace app {
namespace {

constexpr core::Duration kIdentityPatience = std::chrono::seconds{10};

/// True where the STS of the settings is the one that knows these keys: somebody named it, or calls
/// it for a role, or the service is its cloud's. The default is no answer for an endpoint of one's
/// own.
bool sts_is_ours(const ServiceSettings& settings, const options::Environment& environment) {
  const cred::SourceSettings& source = settings.source;
  return source.aws() || source.sts_told || !source.role.role_arn.empty() ||
         !environment.get("ALIBABA_CLOUD_STS_ENDPOINT").empty() || settings.endpoint_text.empty() ||
         settings.store.endpoint.host.ends_with(".aliyuncs.com");
}

core::Result<cred::CallerIdentity> identity_of(Service& service, const ServiceSettings& settings,
                                               const options::Environment& environment,
                                               const sign::Credentials& credentials) {
  if (credentials.anonymous()) {
    return core::fail(core::ErrorKind::Unsupported, "requests are not signed");
  }
  if (!sts_is_ours(settings, environment)) {
    return core::fail(core::ErrorKind::Unsupported, "--sts-endpoint would say whom to ask");
  }
  core::OpContext context;
  context.deadline = service.clock.steady_now() + kIdentityPatience;
  const cred::SourceSettings& source = settings.source;
  const cred::StsClient sts({source.sts, source.dialect, source.region}, *service.transport,
                            service.service_clock);
  return cred::caller_identity(context, sts, credentials);
}

core::Result<std::optional<Location>> location_of(const options::Values& values) {
  const std::string source = values.text("source");
  if (source.empty()) {
    return std::optional<Location>();
  }
  TRY_ASSIGN(Location location, parse_location(source));
  return std::optional<Location>(std::move(location));
}

}  // namespace

int run_whoami(const options::Values& values, const options::Environment& environment) {
  if (auto opened = open_log(values, false); !opened) {
    return refuse(Exit::Usage, opened.error());
  }
  if (!values.given("log-level")) {
    core::set_log_level(core::LogLevel::Warn);
  }
  const auto location = location_of(values);
  if (!location) {
    return refuse(Exit::Usage, location.error());
  }
  const auto settings = service_settings(values, environment, *location);
  if (!settings) {
    return refuse(Exit::Usage, settings.error());
  }
  const auto service = open_service(*settings);
  if (!service) {
    return refuse(Exit::Usage, service.error());
  }
  core::OpContext context;
  context.deadline = (*service)->clock.steady_now() + settings->mount_timeout;
  const auto held = (*service)->credentials->first(context);
  if (!held) {
    return refuse(classify(held.error()), held.error().within("cannot get credentials"));
  }
  const cred::Lease& lease = (*held)->lease;
  Whoami who;
  who.identity = identity_of(**service, *settings, environment, lease.credentials);
  who.credentials = (*service)->credentials->status();
  who.role = settings->source.role.role_arn;
  who.session = settings->source.role.session_name;
  if (lease.expires) {
    who.lifetime = *lease.expires - lease.issued;
  }
  who.now = (*service)->clock.wall_now();
  const std::string answer = values.flag("json") ? as_json(who) + '\n' : as_text(who);
  std::fputs(answer.c_str(), stdout);
  std::fflush(stdout);
  const Exit exit = exit_of(who);
  return exit == Exit::Ok ? static_cast<int>(exit) : refuse(exit, who.identity.error());
}

}  // namespace app
