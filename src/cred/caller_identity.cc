#include "cred/caller_identity.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/format.h"
#include "core/text.h"
#include "cred/answers.h"
#include "cred/aws_sts.h"

namespace cred {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;

constexpr std::string_view kAction = "GetCallerIdentity";
constexpr std::size_t kLongestField = 2048;

/// What can be shown on one line of a terminal.
bool presentable_field(std::string_view text) {
  return text.size() <= kLongestField && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
         });
}

core::Result<CallerIdentity> read_json(std::string_view body) {
  if (body.size() > kLargestDocument) {
    return core::fail(ErrorKind::Protocol, "the answer is longer than 64 KiB");
  }
  const auto document = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) {
    return core::fail(ErrorKind::Protocol, "the answer is no JSON object: this may be no STS");
  }
  const auto text = [&](const char* name) {
    const auto at = document.find(name);
    return at != document.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  return CallerIdentity{text("AccountId"), text("Arn"), text("PrincipalId")};
}

core::Result<CallerIdentity> read_identity(const IdentityService& service, std::string_view body) {
  TRY_ASSIGN(CallerIdentity identity, service.aws ? parse_aws_identity(body) : read_json(body));
  if (principal_of(identity.arn).kind.empty()) {
    return core::fail(ErrorKind::Protocol, "the answer names nobody: this may be no STS");
  }
  if (!presentable_field(identity.account) || !presentable_field(identity.arn) ||
      !presentable_field(identity.id)) {
    return core::fail(ErrorKind::Protocol, "the answer holds what no identity may");
  }
  return identity;
}

http::Request request_for(const IdentityService& service, const sign::Credentials& credentials,
                          core::WallTime now) {
  std::vector<http::QueryParam> parameters = {{"Action", std::string(kAction)}};
  return service.aws
             ? aws_sts_request(service.sts, std::move(parameters), service.region, credentials, now)
             : sts_request(service.sts, std::move(parameters), service.signing, credentials, now);
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

core::Result<CallerIdentity> caller_identity(const core::OpContext& context,
                                             http::Transport& transport,
                                             const IdentityService& service,
                                             const sign::Credentials& credentials,
                                             ServiceClock& clock) {
  const std::string what = core::format("{} at {}", kAction, service.sts.authority());
  for (bool clock_fixed = false;; clock_fixed = true) {
    auto answer = http::perform(transport, {context, request_for(service, credentials, clock.now()),
                                            http::Patience{5s, 10s, false}, nullptr});
    if (!answer) {
      return std::move(answer).error().within(what);
    }
    if (answer->status == 200) {
      auto identity = read_identity(service, answer->body);
      return identity ? std::move(identity) : std::move(identity).error().within(what);
    }
    const auto hidden = {&credentials.access_key_secret, &credentials.token};
    StsRefusal refusal =
        service.aws ? read_aws_refusal(*answer, hidden) : read_sts_refusal(*answer, hidden);
    const auto service_now = answer->date();
    if (refusal.verdict.reaction != StsReaction::FixClock || !service_now || clock_fixed) {
      return judged(std::move(refusal.error)).within(what);
    }
    clock.correct(*service_now);
  }
}

}  // namespace cred
