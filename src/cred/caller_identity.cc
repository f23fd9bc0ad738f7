#include "cred/caller_identity.h"

#include <algorithm>
#include <utility>

#include "core/format.h"
#include "core/text.h"

namespace cred {
namespace {

using core::ErrorKind;

constexpr std::string_view kAction = "GetCallerIdentity";
constexpr std::size_t kLongestField = 2048;

/// What can be shown on one line of a terminal.
bool presentable_field(std::string_view text) {
  return text.size() <= kLongestField && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
         });
}

core::Result<CallerIdentity> read_identity(const StsDialect& dialect, std::string_view body) {
  TRY_ASSIGN(CallerIdentity identity, dialect.identity(body));
  if (principal_of(identity.arn).kind.empty()) {
    return core::fail(ErrorKind::Protocol, "the answer names nobody: this may be no STS");
  }
  if (!presentable_field(identity.account) || !presentable_field(identity.arn) ||
      !presentable_field(identity.id)) {
    return core::fail(ErrorKind::Protocol, "the answer holds what no identity may");
  }
  return identity;
}

/// Why nobody is told: the key is no good, the call is not offered, or a passing trouble.
core::Error judged(core::Error error) {
  const int status = error.remote->status;
  const bool own_word = !error.remote->code.empty();
  const bool not_offered = error.kind == ErrorKind::InvalidArgument ||
                           (!own_word && status >= 400 && status < 500 && status != 429);
  if (error.kind == ErrorKind::Unauthenticated && own_word) {
    return error;
  }
  if (not_offered || status == 501) {
    error.kind = ErrorKind::Unsupported;
    error.message = "it does not tell whose key it is: " + error.message;
  }
  return error;
}

}  // namespace

Principal principal_of(std::string_view arn) {
  // acs:SERVICE:REGION:ACCOUNT:RESOURCE, arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE
  const auto fields = core::split(arn, ':');
  const std::size_t at = fields[0] == "acs" ? 4 : 5;
  if (fields.size() <= at || (fields[0] != "acs" && fields[0] != "arn")) {
    return {};
  }
  const auto before = static_cast<std::size_t>(fields[at].data() - arn.data());
  const std::string_view resource = arn.substr(before);
  const auto slash = resource.find('/');
  const std::string_view word = resource.substr(0, slash);
  const std::string_view rest =
      slash == std::string_view::npos ? std::string_view() : resource.substr(slash + 1);
  if (word == "root") {
    return {"account", std::string(fields[at - 1]), ""};
  }
  if (word == "assumed-role") {
    const auto session = rest.rfind('/');
    return session == std::string_view::npos
               ? Principal{"role", std::string(rest), ""}
               : Principal{"role", std::string(rest.substr(0, session)),
                           std::string(rest.substr(session + 1))};
  }
  return {std::string(word), std::string(rest), ""};
}

core::Result<CallerIdentity> caller_identity(const core::OpContext& context, const StsClient& sts,
                                             const sign::Credentials& credentials) {
  const std::string what = core::format("{} at {}", kAction, sts.authority());
  for (bool clock_fixed = false;; clock_fixed = true) {
    auto answer = sts.ask(context, {kAction, {}}, credentials);
    if (!answer) {
      return std::move(answer).error().within(what);
    }
    if (answer->response.status == 200) {
      auto identity = read_identity(sts.dialect(), answer->response.body);
      return identity ? std::move(identity) : std::move(identity).error().within(what);
    }
    StsRefusal refusal =
        sts.refusal_in(*answer, {&credentials.access_key_secret, &credentials.token});
    const auto service_now = answer->response.date();
    if (refusal.verdict.reaction != StsReaction::FixClock || !service_now || clock_fixed) {
      return judged(std::move(refusal.error)).within(what);
    }
    sts.clock().correct(*service_now);
  }
}

}  // namespace cred
