#include <cstdio>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/service.h"
#include "app/sign_url.h"
#include "core/format.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/random.h"
#include "oss/store.h"

namespace app {
namespace {

/// What is good to know beside the URL, on standard error: the URL stays alone.
void note(const store::SignedUrl& signed_url) {
  std::string text;
  if (signed_url.limited_by_token) {
    text += core::format(
        "stsfs: note: the URL ends at {} with the token in it, before --expires; a longer "
        "--role-duration makes it last longer\n",
        core::format_iso8601(signed_url.expires));
  }
  for (const std::string& name : signed_url.not_covered) {
    text += core::format(
        "stsfs: note: {} is not covered by a signature of version 1: whoever has the URL may send "
        "it, or not\n",
        core::escape_for_log(name));
  }
  std::fputs(text.c_str(), stderr);
}

core::Result<store::SignedUrl> sign(Service& service, const SignUrlSettings& settings,
                                    const core::OpContext& context) {
  core::Random random(core::random_seed());
  core::Metrics metrics;
  TRY_ASSIGN(const auto store,
             oss::open_store(settings.service.store, {*service.transport, *service.credentials,
                                                      service.clock, random, metrics}));
  return store->presign(context, settings.request);
}

}  // namespace

int run_sign_url(const options::Values& values, const options::Environment& environment) {
  if (auto opened = open_log(values, false); !opened) {
    return refuse(Exit::Usage, opened.error());
  }
  if (!values.given("log-level")) {
    core::set_log_level(core::LogLevel::Warn);
  }
  const auto settings = sign_url_settings(values, environment);
  if (!settings) {
    return refuse(Exit::Usage, settings.error());
  }
  const auto service = open_service(settings->service);
  if (!service) {
    return refuse(Exit::Usage, service.error());
  }
  core::OpContext context;
  context.deadline = (*service)->clock.steady_now() + settings->service.mount_timeout;
  if (const auto held = (*service)->credentials->first(context); !held) {
    return refuse(classify(held.error()), held.error().within("cannot get credentials"));
  }
  const auto signed_url = sign(**service, *settings, context);
  if (!signed_url) {
    const bool ours = signed_url.error().kind == core::ErrorKind::InvalidArgument ||
                      signed_url.error().kind == core::ErrorKind::Unsupported;
    return refuse(ours ? Exit::Usage : classify(signed_url.error()), signed_url.error());
  }
  note(*signed_url);
  const store::UrlMethod method = settings->request.method;
  const std::string answer = values.flag("json")   ? as_json(method, *signed_url)
                             : values.flag("curl") ? curl_command(method, *signed_url)
                                                   : signed_url->url;
  std::fputs((answer + '\n').c_str(), stdout);
  return static_cast<int>(Exit::Ok);
}

}  // namespace app
