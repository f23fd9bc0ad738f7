#include "cred/answers.h"

#include <algorithm>
#include <charconv>

#include "core/format.h"
#include "core/log.h"
#include "core/text.h"
#include "cred/failure.h"

namespace cred {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLongestMessage = 300;
constexpr core::Duration kLongestLife = 7 * 24h;  // a service that says more is not believed

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

}  // namespace

std::string form_of(const std::vector<http::QueryParam>& parameters) {
  std::string form;
  for (const http::QueryParam& parameter : parameters) {
    form += form.empty() ? "" : "&";
    form += core::percent_encode(parameter.name) + '=' +
            core::percent_encode(parameter.value.value_or(""));
  }
  return form;
}

std::optional<core::Duration> retry_after(const http::Response& answer) {
  if (const auto field = answer.headers.get("Retry-After")) {
    if (const auto seconds = number_after(*field, "")) {
      return std::chrono::seconds{std::min<std::int64_t>(*seconds, 86'400)};
    }
    const auto until = core::parse_http_date(*field);
    const auto now = answer.date();
    if (until && now && *until > *now) {
      return std::min<core::Duration>(*until - *now, 24h);
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

std::string presentable(std::string words, std::initializer_list<const core::Secret*> hidden) {
  // "… server string to sign is:POST&%2F&…SecurityToken%3D…"
  const auto quoted = core::to_lower(words).find("string to sign");
  if (quoted != std::string::npos) {
    words.resize(quoted);
    words += "string to sign (hidden)";
  }
  for (const core::Secret* secret : hidden) {
    for (std::size_t at = 0;
         !secret->empty() && (at = words.find(secret->reveal())) != std::string::npos;) {
      words.replace(at, secret->reveal().size(), "(hidden)");
    }
  }
  words = core::escape_for_log(words);
  if (words.size() > kLongestMessage) {
    words.resize(kLongestMessage);
    words += "…";
  }
  return words;
}

core::Result<Lease> lease_of(GivenCredentials given, const http::Response& answer,
                             core::SteadyTime sent, const ServiceClock& clock) {
  Lease lease;
  lease.credentials = std::move(given.credentials);
  lease.issued = sent;
  if (given.expiration) {
    const core::WallTime date = answer.date().value_or(clock.now());
    const core::Duration life = std::min<core::Duration>(*given.expiration - date, kLongestLife);
    if (life <= core::Duration{0}) {
      return core::fail(
          core::ErrorKind::Protocol,
          core::format("the credentials had expired at {} when they came at {}",
                       core::format_iso8601(*given.expiration), core::format_iso8601(date)));
    }
    lease.expires = sent + life - std::min<core::Duration>(1s, life / 2);
  }
  return lease;
}

Fetched no_answer(core::Error error) {
  const bool certificate = error.kind == core::ErrorKind::NotPermitted;
  return certificate ? permanent(std::move(error)) : transient(std::move(error));
}

Fetched makes_no_sense(core::Error error) {
  error.kind = core::ErrorKind::Unauthenticated;
  return permanent(std::move(error));
}

FetchFailure plain_refusal(const http::Response& answer, std::string_view what) {
  const int status = answer.status;
  const bool theirs = status >= 500 || status == 429 || status == 408;
  const bool redirect = status >= 300 && status < 400;
  core::Error error =
      core::fail(theirs ? core::ErrorKind::Unavailable : core::ErrorKind::Unauthenticated,
                 core::format("{}: status {}{}", what, status,
                              redirect ? ", a redirect, which is never followed" : ""));
  error.remote = core::Remote{status, {}, {}, {}};
  return {theirs ? FetchFailure::Class::Transient : FetchFailure::Class::Permanent,
          std::move(error), retry_after(answer)};
}

}  // namespace cred
