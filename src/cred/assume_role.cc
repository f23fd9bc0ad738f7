#include "cred/assume_role.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/format.h"
#include "core/log.h"
#include "core/random.h"
#include "core/text.h"
#include "cred/failure.h"
#include "cred/planner.h"
#include "cred/sts_answer.h"
#include "sign/signer.h"

namespace cred {
namespace {

using namespace std::chrono_literals;

constexpr int kMostNonces = 3;
constexpr std::size_t kLongestMessage = 300;

std::string form_of(const std::vector<http::QueryParam>& parameters) {
  std::string form;
  for (const http::QueryParam& parameter : parameters) {
    form += form.empty() ? "" : "&";
    form += core::percent_encode(parameter.name) + '=' +
            core::percent_encode(parameter.value.value_or(""));
  }
  return form;
}

std::optional<std::int64_t> number_after(std::string_view text, std::string_view label) {
  const auto at = text.find(label);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  text.remove_prefix(at + label.size());
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && value >= 0 ? std::optional(value) : std::nullopt;
}

/// Retry-After (seconds or a date), or what the flow control says of its window.
std::optional<core::Duration> retry_after(const http::Response& answer) {
  if (const auto field = answer.headers.get("Retry-After")) {
    if (const auto seconds = number_after(*field, "")) {
      return std::chrono::seconds{std::min<std::int64_t>(*seconds, 86'400)};
    }
    const auto until = core::parse_http_date(*field);
    const auto now = answer.date();
    if (until && now && *until > *now) {
      return *until - *now;
    }
  }
  for (const std::string_view name : {"x-ratelimit-user-api", "x-ratelimit-user"}) {
    if (const auto field = answer.headers.get(name)) {
      if (const auto left = number_after(*field, "TimeLeft:")) {
        return std::chrono::milliseconds{std::min<std::int64_t>(*left, 86'400'000)};
      }
    }
  }
  return std::nullopt;
}

/// The service's words, fit for a log: one line, short, and without anything of ours that it may
/// have repeated.
std::string presentable(std::string message, const sign::Credentials& caller) {
  // "… server string to sign is:POST&%2F&…SecurityToken%3D…"
  const auto quoted = core::to_lower(message).find("string to sign");
  if (quoted != std::string::npos) {
    message.resize(quoted);
    message += "string to sign (hidden)";
  }
  for (const core::Secret* secret : {&caller.access_key_secret, &caller.token}) {
    for (std::size_t at = 0;
         !secret->empty() && (at = message.find(secret->reveal())) != std::string::npos;) {
      message.replace(at, secret->reveal().size(), "(hidden)");
    }
  }
  message = core::escape_for_log(message);
  if (message.size() > kLongestMessage) {
    message.resize(kLongestMessage);
    message += "…";
  }
  return message;
}

}  // namespace

struct AssumeRole::Refusal {
  StsVerdict verdict;
  core::Error error;
};

AssumeRole::AssumeRole(RoleRequest role, std::unique_ptr<CredentialSource> base,
                       http::Origin endpoint, http::Transport& transport, ServiceClock& clock)
    : role_(std::move(role)),
      base_(std::move(base)),
      endpoint_(std::move(endpoint)),
      transport_(transport),
      clock_(clock) {}

std::string AssumeRole::describe() const {
  return core::format("AssumeRole {} over {}", role_.role_arn, base_->describe());
}

Fetched AssumeRole::base_lease(const core::OpContext& context) {
  const core::SteadyTime now = clock_.own().steady_now();
  if (base_lease_ && freshness(*base_lease_, now) < Freshness::Mandatory) {
    return *base_lease_;
  }
  base_lease_.reset();
  auto fetched = base_->fetch(context);
  if (fetched && fetched->expires) {
    base_lease_ = *fetched;
  }
  return fetched;
}

http::Request AssumeRole::request_for(const sign::Credentials& caller) const {
  std::vector<http::QueryParam> parameters = {{"Action", "AssumeRole"},
                                              {"RoleArn", role_.role_arn},
                                              {"RoleSessionName", role_.session_name}};
  if (role_.duration > core::Duration{0}) {
    parameters.push_back(
        {"DurationSeconds",
         std::to_string(std::chrono::ceil<std::chrono::seconds>(role_.duration).count())});
  }
  if (!role_.policy.empty()) {
    parameters.push_back({"Policy", role_.policy});
  }
  if (!role_.external_id.empty()) {
    parameters.push_back({"ExternalId", role_.external_id});
  }
  http::Request request;
  request.method = "POST";
  request.origin = endpoint_;
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  request.body = http::text_body(form_of(sign::sign_rpc(
      request.method, std::move(parameters), caller, clock_.now(), core::random_hex(16))));
  return request;
}

Fetched AssumeRole::accept(http::Response& answer, core::SteadyTime sent) const {
  const core::WallTime date = answer.date().value_or(clock_.now());
  auto parsed = parse_sts_credentials(answer.body);
  if (!parsed) {
    return transient(std::move(parsed).error());
  }
  const core::Duration life = std::min<core::Duration>(parsed->expiration - date, 7 * 24h);
  if (life <= core::Duration{0}) {
    return transient(core::fail(
        core::ErrorKind::Protocol,
        core::format("STS gave credentials that had expired at {}, by its "
                     "own clock {}",
                     core::format_iso8601(parsed->expiration), core::format_iso8601(date))));
  }
  Lease lease;
  lease.credentials = std::move(parsed->credentials);
  lease.issued = sent;
  lease.expires = sent + life - std::min<core::Duration>(1s, life / 2);
  return lease;
}

AssumeRole::Refusal AssumeRole::read_refusal(const http::Response& answer,
                                             const sign::Credentials& caller) const {
  StsError said = parse_sts_error(answer.body);
  Refusal refusal;
  refusal.verdict = judge_sts(answer.status, said.code);
  std::string words = presentable(std::move(said.message), caller);
  if (words.empty()) {
    words = core::format("status {}", answer.status);
  }
  if (!refusal.verdict.advice.empty()) {
    words += "; ";
    words += refusal.verdict.advice;
  }
  if (refusal.verdict.kind == core::ErrorKind::Denied) {
    words += core::format(" (caller: {} of {})", caller.access_key_id, base_->describe());
  }
  refusal.error = core::fail(refusal.verdict.kind, std::move(words));
  refusal.error.remote = core::Remote{answer.status,
                                      core::escape_for_log(said.code.substr(0, 100)),
                                      core::escape_for_log(said.request_id.substr(0, 100)),
                                      {}};
  return refusal;
}

Fetched AssumeRole::fetch(const core::OpContext& context) {
  const std::string what = core::format("AssumeRole of {} as session '{}' at {}", role_.role_arn,
                                        role_.session_name, endpoint_.authority());
  bool clock_fixed = false;
  bool base_reread = false;
  for (int nonces = 1;;) {
    auto base = base_lease(context);
    if (!base) {
      base.error().error = std::move(base.error().error).within(what);
      return base;
    }
    const sign::Credentials& caller = base->credentials;
    const core::SteadyTime sent = clock_.own().steady_now();
    auto answer = http::perform(
        transport_, {context, request_for(caller), http::Patience{5s, 10s, false}, nullptr});
    if (!answer) {
      const bool certificate = answer.error().kind == core::ErrorKind::NotPermitted;
      core::Error error = std::move(answer).error().within(what);
      return certificate ? permanent(std::move(error)) : transient(std::move(error));
    }
    if (answer->status == 200) {
      auto lease = accept(*answer, sent);
      if (!lease) {
        lease.error().error = std::move(lease.error().error).within(what);
      }
      return lease;
    }

    Refusal refusal = read_refusal(*answer, caller);
    refusal.error = std::move(refusal.error).within(what);
    switch (refusal.verdict.reaction) {
      case StsReaction::GiveUp:
        return permanent(std::move(refusal.error));
      case StsReaction::TryLater:
        return transient(std::move(refusal.error), retry_after(*answer));
      case StsReaction::NewNonce:
        if (nonces++ >= kMostNonces) {
          return transient(std::move(refusal.error));
        }
        break;
      case StsReaction::FixClock:
        if (clock_fixed || !answer->date()) {
          return transient(std::move(refusal.error));
        }
        clock_fixed = true;
        clock_.correct(*answer->date());
        core::log(core::LogLevel::Warn, "clock corrected by STS",
                  {{"offset", core::format_duration(clock_.offset())}});
        break;
      case StsReaction::RereadBase: {
        const bool renewable = base->expires.has_value();
        if (base_reread) {
          return renewable ? transient(std::move(refusal.error))
                           : permanent(std::move(refusal.error));
        }
        base_reread = true;
        base_lease_.reset();
        break;
      }
    }
  }
}

}  // namespace cred
