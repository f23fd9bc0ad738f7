#include <cstdio>

#include "app/commands.h"
#include "app/doctor.h"
#include "app/service.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/random.h"
#include "oss/endpoint.h"
#include "oss/store.h"

namespace app {
namespace {

/// Any answer will do: it shows name resolution, the way there, TLS and the service's clock.
void reach(Service& service, const ServiceSettings& settings, const core::OpContext& context,
           Findings& findings) {
  http::Exchange exchange;
  exchange.context = context;
  exchange.request.origin = settings.store.endpoint;
  exchange.patience = settings.store.patience;
  const core::WallTime sent = service.clock.wall_now();
  const auto answer = http::perform(*service.transport, std::move(exchange));
  if (!answer) {
    findings.reached = answer.error();
    return;
  }
  findings.reached = core::Status();
  findings.foreign = settings.store.dialect == oss::Dialect::Oss &&
                     !answer->headers.get("x-oss-request-id").has_value();
  if (const auto date = answer->date()) {
    findings.clock_offset = *date - (sent + (service.clock.wall_now() - sent) / 2);
  }
}

/// "oss-REGION-internal.aliyuncs.com" for a public endpoint of a region.
std::string internal_of(const http::Origin& endpoint) {
  const auto region = oss::region_of(endpoint.host);
  if (!region || endpoint.host.find("-internal.") != std::string::npos) {
    return {};
  }
  return "oss-" + *region + "-internal.aliyuncs.com";
}

core::Status examine(Service& service, const ServiceSettings& settings, const Location& location,
                     Findings& findings) {
  core::OpContext context;
  context.deadline = service.clock.steady_now() + settings.mount_timeout;
  reach(service, settings, context, findings);
  if (!*findings.reached) {
    return {};
  }
  const auto held = service.credentials->first(context);
  findings.credentials = held ? core::Status() : core::Status(held.error());
  const cred::ProviderStatus status = service.credentials->status();
  findings.source = status.source;
  findings.expires = status.expires;
  if (!held) {
    return {};
  }
  core::Random random(core::random_seed());
  core::Metrics metrics;
  TRY_ASSIGN(const auto store,
             oss::open_store(settings.store, {*service.transport, *service.credentials,
                                              service.clock, random, metrics}));
  context.deadline = service.clock.steady_now() + settings.mount_timeout;
  findings.rights = probe_rights(context, *store, location.prefix,
                                 ".stsfs-doctor-" + core::random_hex(8), findings.read_only);
  return {};
}

}  // namespace

int run_doctor(const options::Values& values, const options::Environment& environment) {
  if (auto opened = open_log(values, false); !opened) {
    return refuse(Exit::Usage, opened.error());
  }
  if (!values.given("log-level")) {
    core::set_log_level(core::LogLevel::Error);
  }
  if (values.text("source").empty()) {
    return refuse(Exit::Usage, "for which bucket? stsfs doctor oss://BUCKET[/PREFIX]");
  }
  const auto location = parse_location(values.text("source"));
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
  Findings findings;
  findings.endpoint = settings->endpoint_text;
  findings.region = settings->store.region;
  findings.internal_endpoint = internal_of(settings->store.endpoint);
  findings.secure = settings->store.endpoint.scheme == "https";
  findings.read_only = values.flag("read-only");
  findings.s3 = settings->store.dialect == oss::Dialect::S3;
  if (auto examined = examine(**service, *settings, *location, findings); !examined) {
    return refuse(Exit::Usage, examined.error());
  }
  const Diagnosis diagnosis = judge(findings);
  const std::string answer =
      values.flag("json") ? as_json(diagnosis, findings) + '\n' : as_text(diagnosis);
  std::fputs(answer.c_str(), stdout);
  return static_cast<int>(diagnosis.exit);
}

}  // namespace app
