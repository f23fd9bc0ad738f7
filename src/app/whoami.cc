#include "app/whoami.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "core/format.h"
#include "core/log.h"

namespace app {
namespace {

using std::chrono::seconds;

nlohmann::json time_or_null(const std::optional<core::WallTime>& time) {
  return time ? nlohmann::json(core::format_iso8601(*time)) : nlohmann::json(nullptr);
}

nlohmann::json seconds_or_null(const std::optional<core::Duration>& duration) {
  return duration ? nlohmann::json(std::chrono::round<seconds>(*duration).count())
                  : nlohmann::json(nullptr);
}

std::optional<core::Duration> from(core::WallTime now, const std::optional<core::WallTime>& time) {
  return time ? std::optional<core::Duration>(*time - now) : std::nullopt;
}

std::string for_people(core::Duration duration) {
  return core::format_duration(std::chrono::round<seconds>(duration));
}

/// "2024-01-02T03:04:05Z, in 11m 15s"
std::string at(core::WallTime now, core::WallTime time) {
  return core::format("{}, in {}", core::format_iso8601(time), for_people(time - now));
}

void add_identity(std::string& text, const core::Result<cred::CallerIdentity>& identity) {
  if (!identity) {
    text += core::format("  identity  unknown: {}\n",
                         core::escape_for_log(core::describe(identity.error())));
    return;
  }
  const cred::Principal who = cred::principal_of(identity->arn);
  text += core::format("  identity  {} {}{}\n", who.kind, who.name,
                       who.session.empty() ? "" : ", session " + who.session);
  text += core::format("  account   {}\n  arn       {}\n", identity->account, identity->arn);
}

}  // namespace

std::string as_text(const Whoami& who) {
  const cred::ProviderStatus& held = who.credentials;
  std::string text =
      core::format("{}\n  from      {}\n",
                   held.access_key_id.empty() ? "nobody" : held.access_key_id, held.source);
  if (!who.role.empty()) {
    text += core::format("  role      {}\n  session   {}\n", who.role, who.session);
  }
  add_identity(text, who.identity);
  text += core::format("  expires   {}", held.expires ? at(who.now, *held.expires) : "never");
  if (who.lifetime) {
    text += core::format(" of {}", for_people(*who.lifetime));
  }
  text += core::format("\n  renewal   {}\n",
                       held.next_renewal ? at(who.now, *held.next_renewal) : "never");
  return text;
}

std::string as_json(const Whoami& who) {
  const cred::ProviderStatus& held = who.credentials;
  nlohmann::json document = {
      {"source", held.source},
      {"access_key_id", held.access_key_id},
      {"role", who.role},
      {"session", who.role.empty() ? "" : who.session},
      {"identity", nullptr},
      {"expires", time_or_null(held.expires)},
      {"expires_in_seconds", seconds_or_null(from(who.now, held.expires))},
      {"lifetime_seconds", seconds_or_null(who.lifetime)},
      {"next_renewal", time_or_null(held.next_renewal)},
      {"next_renewal_in_seconds", seconds_or_null(from(who.now, held.next_renewal))},
  };
  if (who.identity) {
    const cred::Principal principal = cred::principal_of(who.identity->arn);
    document["identity"] = {{"account", who.identity->account}, {"arn", who.identity->arn},
                            {"id", who.identity->id},           {"kind", principal.kind},
                            {"name", principal.name},           {"session", principal.session}};
  } else {
    document["identity_error"] = core::describe(who.identity.error());
  }
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Exit exit_of(const Whoami& who) {
  const bool refused = !who.identity && who.identity.error().remote &&
                       who.identity.error().kind == core::ErrorKind::Unauthenticated;
  return refused ? Exit::Credentials : Exit::Ok;
}

}  // namespace app
