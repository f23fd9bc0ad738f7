#include "oss/client.h"

#include <algorithm>

#include "core/format.h"
#include "core/log.h"

namespace oss {
namespace {

using core::ErrorKind;

/// How long a copy or a completion may keep silent.
constexpr core::Duration kSlowAnswer = std::chrono::minutes{2};

/// From this size on, an upload is nothing that one asks for again quickly.
constexpr std::uint64_t kSmallBody = std::uint64_t{1} << 20U;

/// How long the n-th try of a request without a body, or with a small one, may see no byte. A
/// healthy service answers in a fraction of the first ones; a slow one gets its time on the later
/// ones.
core::Duration patience_with(int attempt, bool body) {
  const core::Duration first = std::chrono::milliseconds{body ? 3000 : 1500};
  const int quick_tries = body ? 4 : 6;
  return first * (1 << std::clamp(attempt - quick_tries + 1, 0, 5));
}

/// Successors asked for within one attempt. Tokens that expire while a request is on its way are
/// not refusals, but even they must come to an end.
constexpr int kMaxSuccessors = 4;

/// What a service with another clock than ours may call expired a little before we do.
constexpr core::Duration kEndSlack = std::chrono::seconds{2};

sign::Scheme scheme_for(const Options& options) {
  if (options.dialect == Dialect::S3) {
    return sign::Scheme::S3V4;
  }
  const bool v4 = options.signing == Signing::V4 ||
                  (options.signing == Signing::Auto && !options.region.empty());
  return v4 ? sign::Scheme::OssV4 : sign::Scheme::OssV1;
}

/// Whether the request made its success depend on anything.
bool has_condition(const http::Request& request) {
  return std::any_of(request.headers.fields().begin(), request.headers.fields().end(),
                     [](const auto& field) {
                       return field.first.find("If-") != std::string::npos ||
                              field.first.find("-if-") != std::string::npos ||
                              field.first.find("-forbid-overwrite") != std::string::npos;
                     });
}

/// What callers expect now and then is no trouble of the service's.
bool is_trouble(ErrorKind kind) {
  return kind != ErrorKind::NotFound && kind != ErrorKind::Exists && kind != ErrorKind::Changed &&
         kind != ErrorKind::OutOfRange && kind != ErrorKind::Cancelled;
}

}  // namespace

Client::Client(const Options& options, const Surroundings& world)
    : options_(options),
      world_(world),
      traits_(traits_of(options.dialect)),
      endpoint_(options.endpoint, options.bucket, options.addressing, options.dialect),
      scheme_(scheme_for(options)),
      metrics_(world.metrics) {}

Call Client::call(Operation operation, std::string method, std::string key) const {
  Call call;
  call.operation = operation;
  call.subject = key;
  call.request.method = std::move(method);
  call.request.origin = endpoint_.origin();
  call.request.path = endpoint_.path(key);
  call.key = std::move(key);
  return call;
}

sign::Scope Client::scope_of(const Call& call) const {
  return {options_.bucket, call.key, options_.region,
          options_.product.empty() ? std::string(traits_.service_name) : options_.product};
}

http::Request Client::request_of(const Call& call) const {
  http::Request request = call.request;
  if (options_.requester_pays) {
    request.headers.set(traits_.header("request-payer"), "requester");
  }
  // Source: OSS, "Single-connection bandwidth throttling"; bits a second.
  constexpr std::uint64_t kBitsPerByte = 8;
  const std::uint64_t limit = !call.bulk          ? 0
                              : call.request.body ? options_.upload_limit
                                                  : options_.download_limit;
  if (limit > 0) {
    request.headers.set("x-oss-traffic-limit", std::to_string(limit * kBitsPerByte));
  }
  return request;
}

core::Result<http::Response> Client::send(const core::OpContext& context, const Call& call) {
  return repeat(context, [&](int n, core::Duration& pause) {
    Call again = call;
    again.attempt = n;
    return send_once(context, again, pause);
  });
}

core::Result<http::Response> Client::send_once(const core::OpContext& context, const Call& call,
                                               core::Duration& pause) {
  const std::string what = call.subject.empty()
                               ? std::string(name_of(call.operation))
                               : core::format("{} {}", name_of(call.operation), call.subject);
  std::optional<core::SteadyTime> refused_at;  // when the first token was, for what it is
  bool clock_corrected = false;
  for (int successors = 0;;) {
    auto held = world_.credentials.get(context);
    if (!held) {
      return std::move(held).error().within(what);
    }
    const cred::Lease& lease = (*held)->lease;
    const auto sent = now();
    auto answer = exchange(context, call, lease.credentials);
    if (!answer) {
      count(call, answer.error());
      return std::move(answer).error().within(what);
    }
    if (!answer->refusal) {
      return std::move(answer->response);
    }
    Refusal& refusal = *answer->refusal;
    count(call, refusal.error);
    hear(refusal, sent);
    // Some S3 services (Ceph) have no other word for a token that has expired.
    const bool about_to_end = lease.expires && now() + kEndSlack >= *lease.expires;
    if (traits_.dialect == Dialect::S3 && refusal.error.kind == ErrorKind::Denied && about_to_end) {
      refusal.token_class = true;
    }
    if (refusal.token_class) {
      metrics_.token_refusals.add();
      world_.credentials.reject((*held)->version);
      // A token that ran out on the way was not refused for what it is; and one that was asked for
      // before its predecessor's refusal was seen may have been revoked together with it.
      const bool ran_out = lease.expires && now() >= *lease.expires;
      const bool is_successor = refused_at && lease.issued >= *refused_at;
      if (++successors <= kMaxSuccessors && (ran_out || !is_successor)) {
        if (!ran_out && !refused_at) {
          refused_at = now();
        }
        continue;
      }
    }
    const auto service_now = answer->response.date();
    if (refusal.error.kind == ErrorKind::ClockSkewed && service_now && !clock_corrected) {
      world_.credentials.correct_clock(*service_now);
      clock_corrected = true;
      continue;
    }
    pause = refusal.pause;
    return std::move(refusal.error).within(what);
  }
}

void Client::start(const core::OpContext& context, const Call& call, http::Transport::Done done) {
  auto held = world_.credentials.get(context.until(now()));
  if (!held) {
    done(std::move(held).error());
    return;
  }
  Signed about;
  http::Exchange exchange = sign(context, call, (*held)->lease.credentials, about);
  world_.transport.send(
      std::move(exchange), [this, context, call, held = *std::move(held), about = std::move(about),
                            done = std::move(done)](core::Result<http::Response> response) {
        if (!response) {
          done(std::move(response));
          return;
        }
        Answer answer = judge(context, call, held->lease.credentials, about, *std::move(response));
        if (answer.refusal) {
          hear(*answer.refusal, about.sent);
          done(std::move(answer.refusal->error));
        } else {
          done(std::move(answer.response));
        }
      });
}

void Client::hear(const Refusal& refusal, core::SteadyTime sent) const {
  if (refusal.error.kind == ErrorKind::Throttled && world_.on_throttled) {
    world_.on_throttled(sent, refusal.pause);
  }
}

http::Exchange Client::sign(const core::OpContext& context, const Call& call,
                            const sign::Credentials& credentials, Signed& about) {
  http::Exchange exchange;
  exchange.context =
      call.bulk || call.slow_answer ? context : context.until(now() + options_.request_timeout);
  about.request = request_of(call);
  exchange.request = about.request;
  exchange.patience = options_.patience;
  const std::uint64_t body = call.request.body ? call.request.body->size() : 0;
  if (body <= kSmallBody) {
    exchange.patience.idle =
        std::min(exchange.patience.idle, patience_with(call.attempt, body > 0));
  }
  if (call.slow_answer) {
    exchange.patience.idle = std::max(exchange.patience.idle, kSlowAnswer);
  }
  exchange.sink = call.sink;
  if (options_.dialect == Dialect::Oss) {
    exchange.check_head = [this](const http::Response& head) { return answer_ids_.check(head); };
  }
  about.scope = scope_of(call);
  about.signed_at = world_.clock.wall_now() + world_.credentials.clock_offset();
  sign::sign_header(exchange.request, credentials, scheme_, about.scope, about.signed_at);
  metrics_.requests(call.operation).add();
  metrics_.bytes_sent.add(static_cast<std::int64_t>(body));
  about.sent = now();
  return exchange;
}

Client::Answer Client::judge(const core::OpContext& context, const Call& call,
                             const sign::Credentials& credentials, const Signed& about,
                             http::Response response) {
  metrics_.bytes_received.add(static_cast<std::int64_t>(response.body.size()));
  if (core::log_enabled(core::LogLevel::Trace)) {
    core::log(core::LogLevel::Trace, "oss.answer",
              {{"op", context.id},
               {"operation", name_of(call.operation)},
               {"subject", call.subject},
               {"status", response.status},
               {"took", core::format_duration(now() - about.sent)},
               {"request",
                std::string(response.headers.get(traits_.header("request-id")).value_or(""))}});
  }
  if (call.slow_answer && response.status < 300 && is_error_document(response.body)) {
    response.status = 500;  // it was said before the service knew
  }
  Answer answer;
  if (response.status >= 300) {
    answer.refusal = read_refusal(response, traits_, credentials.temporary());
    explain_signature(*answer.refusal, credentials, about);
    core::Error& error = answer.refusal->error;
    if (response.status == 412 && !has_condition(about.request)) {
      error.kind = ErrorKind::Protocol;
      error.remote->code.clear();  // nonsense, not the service's word
    }
  }
  answer.response = std::move(response);
  return answer;
}

core::Result<Client::Answer> Client::exchange(const core::OpContext& context, const Call& call,
                                              const sign::Credentials& credentials) {
  Signed about;
  http::Exchange exchange = sign(context, call, credentials, about);
  TRY_ASSIGN(http::Response response, http::perform(world_.transport, std::move(exchange)));
  return judge(context, call, credentials, about, std::move(response));
}

void Client::explain_signature(Refusal& refusal, const sign::Credentials& credentials,
                               const Signed& about) const {
  if (refusal.error.remote->code != "SignatureDoesNotMatch") {
    return;
  }
  std::optional<std::string> difference;
  if (!refusal.canonical_request.empty()) {
    difference = sign::first_difference(
        sign::canonical_request(about.request, credentials, scheme_, about.scope, about.signed_at),
        refusal.canonical_request);
  }
  if (!difference && !refusal.string_to_sign.empty()) {
    difference = sign::first_difference(
        sign::string_to_sign(about.request, credentials, scheme_, about.scope, about.signed_at),
        refusal.string_to_sign);
  }
  if (difference) {
    refusal.error.message += core::format(" ({})", *difference);
  } else if (!refusal.string_to_sign.empty()) {
    refusal.error.message += " (we signed the same text: the access key secret is wrong)";
  }
}

void Client::count(const Call& call, const core::Error& error) {
  if (error.remote && error.remote->code == "InvalidObjectState") {
    metrics_.archived.add();
    if (archive_notices_.is_due(call.subject, now())) {
      core::log(core::LogLevel::Warn,
                "an object lies in an archive: it cannot be read before it is restored",
                {{"key", call.subject}, {"error", core::describe(error)}});
    }
  }
  if (is_trouble(error.kind)) {
    metrics_.errors(call.operation).add();
  }
}

}  // namespace oss
