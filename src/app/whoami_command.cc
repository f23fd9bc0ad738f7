#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/service.h"
#include "core/format.h"
#include "core/log.h"

namespace app {

int run_whoami(const Values& values, const Environment& environment) {
  if (auto opened = open_log(values, false); !opened) {
    return refuse(Exit::Usage, opened.error());
  }
  if (!values.given("log-level")) {
    core::set_log_level(core::LogLevel::Warn);
  }
  const auto settings = service_settings(values, environment, std::nullopt);
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
  const cred::ProviderStatus status = (*service)->credentials->status();
  const std::string role = settings->source.role.role_arn;
  if (values.flag("json")) {
    nlohmann::json document = nlohmann::json::object();
    document["source"] = status.source;
    document["access_key_id"] = status.access_key_id;
    document["role"] = role;
    document["expires"] = status.expires ? nlohmann::json(core::format_iso8601(*status.expires))
                                         : nlohmann::json(nullptr);
    std::fputs((document.dump() + '\n').c_str(), stdout);
    return static_cast<int>(Exit::Ok);
  }
  std::string text = core::format("{}\n  from     {}\n", status.access_key_id, status.source);
  if (!role.empty()) {
    text +=
        core::format("  role     {}\n  session  {}\n", role, settings->source.role.session_name);
  }
  text += core::format("  expires  {}\n", status.expires ? core::format_iso8601(*status.expires)
                                                         : std::string("never"));
  std::fputs(text.c_str(), stdout);
  return static_cast<int>(Exit::Ok);
}

}  // namespace app
