#include "cred/ecs_metadata.h"

#include <algorithm>

#include "core/format.h"
#include "core/log.h"
#include "core/text.h"
#include "cred/answers.h"
#include "cred/failure.h"

namespace cred {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kTokenPath = "/latest/api/token";
constexpr auto kSessionLife = 21'600s;  // the longest that the server grants
constexpr core::Duration kSessionMargin = 60s;
constexpr std::size_t kLongestSessionToken = 4096;

FetchFailure failed(FetchFailure::Class kind, core::Error error) {
  return {kind, std::move(error), std::nullopt};
}

/// Letters, digits and what else a role's name may have; a page of HTML is none.
bool is_role_name(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    const char l = core::lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
           c == '@' || c == '+' || c == '=' || c == ',';
  });
}

bool is_session_token(std::string_view text) {
  return !text.empty() && text.size() <= kLongestSessionToken && text.front() != '<' &&
         std::none_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; });
}

}  // namespace

EcsMetadata::EcsMetadata(EcsOptions options, http::Transport& transport, ServiceClock& clock)
    : options_(std::move(options)), transport_(transport), clock_(clock) {}

std::string EcsMetadata::describe() const {
  return options_.role_name.empty()
             ? core::format("the instance's role by the metadata server {}",
                            options_.endpoint.authority())
             : core::format("instance role {} by the metadata server {}", options_.role_name,
                            options_.endpoint.authority());
}

Fetched EcsMetadata::fetch(const core::OpContext& context) {
  auto fetched = ask(context);
  if (!fetched) {
    fetched.error().error =
        std::move(fetched.error().error).within("metadata server " + options_.endpoint.authority());
  }
  succeeded_ = succeeded_ || fetched.has_value();
  if (!fetched && succeeded_) {
    fetched.error().kind = FetchFailure::Class::Transient;  // it worked before, so it may again
  }
  return fetched;
}

http::Request EcsMetadata::request_to(std::string method, std::string path) const {
  http::Request request;
  request.method = std::move(method);
  request.origin = options_.endpoint;
  request.path = std::move(path);
  return request;
}

FetchFailure EcsMetadata::unreachable(core::Error error) const {
  return failed(
      options_.may_be_absent ? FetchFailure::Class::NotConfigured : FetchFailure::Class::Transient,
      std::move(error));
}

EcsMetadata::Step<EcsMetadata::Answer> EcsMetadata::send(const core::OpContext& context,
                                                         http::Request request) {
  const core::SteadyTime sent = clock_.own().steady_now();
  auto answer = http::perform(transport_, {context, std::move(request),
                                           http::Patience{1s, 5s, /*bypass_proxy=*/true}, nullptr});
  if (!answer) {
    return tl::unexpected(unreachable(std::move(answer).error()));
  }
  return Answer{*std::move(answer), sent};
}

EcsMetadata::Step<void> EcsMetadata::open_session(const core::OpContext& context) {
  const core::SteadyTime now = clock_.own().steady_now();
  if (weak_ || (!session_token_.empty() && now < session_ends_)) {
    return {};
  }
  http::Request request = request_to("PUT", std::string(kTokenPath));
  request.headers.set(options_.words.session_life_header, std::to_string(kSessionLife.count()));
  auto answer = send(context, std::move(request));
  if (!answer) {
    return tl::unexpected(std::move(answer).error());
  }
  http::Response& response = answer->response;
  if (response.status != 200) {
    FetchFailure failure = plain_refusal(response, "it gives no session token");
    return failure.kind == FetchFailure::Class::Transient
               ? tl::unexpected(std::move(failure))
               : without_session(context, response.status);
  }
  const std::string_view token = core::trim(response.body);
  if (!is_session_token(token)) {
    return tl::unexpected(
        failed(FetchFailure::Class::Permanent,
               core::fail(core::ErrorKind::Unauthenticated,
                          "what it gave as a session token is none: this may be no "
                          "metadata server of an ECS instance")));
  }
  session_token_ = core::Secret(std::string(token));
  core::wipe(response.body.data(), response.body.size());
  session_ends_ = answer->sent + kSessionLife - kSessionMargin;
  return {};
}

EcsMetadata::Step<void> EcsMetadata::without_session(const core::OpContext& context, int status) {
  // Reading the role's name tells whether it answers at all; it is no secret.
  auto answer = send(context, request_to("GET", std::string(options_.words.roles_path)));
  if (!answer) {
    return tl::unexpected(std::move(answer).error());
  }
  if (answer->response.status != 200) {
    return tl::unexpected(
        plain_refusal(answer->response, core::format("it gives neither a session token "
                                                     "(status {}) nor a role's name",
                                                     status)));
  }
  if (!options_.allow_weak) {
    return tl::unexpected(failed(
        FetchFailure::Class::Permanent,
        core::fail(core::ErrorKind::Unauthenticated,
                   core::format("only the weak mode answers: it gives no session token (status {}) "
                                "but serves credentials to whoever asks; set the instance's "
                                "metadata options to hardened (HttpTokens required), or allow it "
                                "with --ecs-weak-metadata",
                                status))));
  }
  core::log(core::LogLevel::Warn, "metadata server in weak mode",
            {{"endpoint", options_.endpoint.authority()}, {"status", status}});
  weak_ = true;
  return {};
}

EcsMetadata::Step<EcsMetadata::Answer> EcsMetadata::get(const core::OpContext& context,
                                                        const std::string& item) {
  for (bool again = false;; again = true) {
    if (auto open = open_session(context); !open) {
      return tl::unexpected(std::move(open).error());
    }
    http::Request request =
        request_to("GET", std::string(options_.words.roles_path) + core::percent_encode(item));
    if (!weak_) {
      request.headers.set(options_.words.session_header, std::string(session_token_.reveal()));
    }
    auto answer = send(context, std::move(request));
    const bool session_refused =
        answer && (answer->response.status == 401 || answer->response.status == 403);
    if (!session_refused || again) {
      return answer;
    }
    // The server was restarted, or hardened in the meantime.
    session_token_ = {};
    weak_ = false;
  }
}

EcsMetadata::Step<std::string> EcsMetadata::role_name(const core::OpContext& context) {
  if (!options_.role_name.empty()) {
    return options_.role_name;
  }
  auto answer = get(context, "");
  if (!answer) {
    return tl::unexpected(std::move(answer).error());
  }
  const http::Response& response = answer->response;
  if (response.status == 404) {
    return tl::unexpected(
        failed(FetchFailure::Class::NotConfigured,
               core::fail(core::ErrorKind::Unauthenticated, "this instance has no RAM role")));
  }
  if (response.status != 200) {
    return tl::unexpected(plain_refusal(response, "asked for the role's name"));
  }
  const std::string_view name = core::trim(response.body);
  if (!is_role_name(name)) {
    return tl::unexpected(failed(
        FetchFailure::Class::Permanent,
        core::fail(core::ErrorKind::Unauthenticated,
                   "what it gave as the role's name is none: this may be no metadata server of "
                   "an ECS instance")));
  }
  return std::string(name);
}

Fetched EcsMetadata::ask(const core::OpContext& context) {
  auto role = role_name(context);
  if (!role) {
    return tl::unexpected(std::move(role).error());
  }
  auto answer = get(context, *role);
  if (!answer) {
    return tl::unexpected(std::move(answer).error());
  }
  http::Response& response = answer->response;
  if (response.status == 404) {
    return permanent(core::fail(core::ErrorKind::Unauthenticated,
                                core::format("this instance has no RAM role {}", *role)));
  }
  if (response.status != 200) {
    return tl::unexpected(
        plain_refusal(response, core::format("asked for the credentials of role {}", *role)));
  }
  auto given =
      parse_credentials_json(response.body, Completeness::Temporary, "the metadata server");
  auto lease = given ? lease_of(*std::move(given), response, answer->sent, clock_)
                     : core::Result<Lease>(std::move(given).error());
  return lease ? Fetched(*std::move(lease)) : makes_no_sense(std::move(lease).error());
}

}  // namespace cred
