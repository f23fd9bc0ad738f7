#include "emulator/session.h"

#include <algorithm>
#include <utility>

#include "core/text.h"
#include "emulator/account/aws_sts.h"
#include "emulator/admin.h"
#include "emulator/wire/elsewhere.h"
#include "emulator/wire/pacer.h"

namespace emulator {
namespace {

constexpr std::uint64_t kIdleSeconds = 90;
constexpr core::Duration kSlice = std::chrono::milliseconds(50);  // how soon a pause ends

ServiceError error_of(const Fault& fault) {
  const int status = fault.status ? *fault.status : status_of_code(fault.code);
  const std::string code = fault.code.empty() ? code_of_status(status) : fault.code;
  return service_error(status, code, "This failure was asked for at the administration port.");
}

void add_retry_hints(Reply& reply, const Fault& fault) {
  using std::chrono::duration_cast;
  if (fault.retry_after) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*fault.retry_after);
    reply.add("Retry-After", std::to_string(seconds.count()));
  }
  if (reply.status == 503) {
    const auto wait = fault.retry_after.value_or(std::chrono::milliseconds(100));
    reply.add("x-oss-qos-delay-time",
              std::to_string(duration_cast<std::chrono::milliseconds>(wait).count()));
  }
}

Reply reply_of(Answer answer) {
  Reply reply;
  reply.status = answer.status;
  if (!answer.content_type.empty()) {
    reply.add("Content-Type", answer.content_type);
  }
  for (const auto& [name, value] : answer.headers) {
    reply.add(name, value);
  }
  reply.text = std::move(answer.body);
  return reply;
}

bool is_form(const RawRequest& request) {
  return request.header("Content-Type")
      .value_or("")
      .starts_with("application/x-www-form-urlencoded");
}

}  // namespace

Session::Session(tcp::socket socket, asio::ssl::context* tls, Port port, Shared shared,
                 asio::thread_pool& disk, const std::uint64_t& tick)
    : link_(std::move(socket), tls, tick),
      reader_(link_),
      port_(port),
      shared_(shared),
      disk_(disk) {
  request_.peer = link_.peer();
  request_.tls = tls != nullptr;
}

Session::~Session() = default;

void Session::check_idle() {
  if (busy_) {
    link_.touch();
  } else if (link_.idle() > kIdleSeconds) {
    link_.shut_down();
  }
}

awaitable<void> Session::run() {
  const bool connected = co_await link_.handshake();
  while (connected && keep_alive_) {
    const RequestReader::Outcome outcome = co_await reader_.read_head(request_, info_);
    if (outcome == RequestReader::Outcome::Closed) {
      co_return;
    }
    started_ = shared_.clock.steady_now();
    if (outcome == RequestReader::Outcome::Malformed) {
      co_await refuse_malformed();
      break;
    }
    // Some clients announce a body with a GET and never send it, so that nobody can tell it from
    // the next request.
    const bool reads = request_.method == "GET" || request_.method == "HEAD";
    keep_alive_ = info_.keep_alive && !(reads && !reader_.at_end());
    continue_due_ = info_.expects_continue && !reader_.at_end();
    switch (port_) {
      case Port::Objects:
        co_await serve_objects();
        break;
      case Port::Metadata:
        co_await serve_metadata();
        break;
      case Port::Admin:
        co_await serve_admin();
        break;
    }
    if (!gone_) {
      co_await discard_body();
    }
  }
  if (connected && !gone_ && !reader_.failed()) {
    co_await link_.linger();
  }
}

awaitable<void> Session::refuse_malformed() {
  keep_alive_ = false;
  Flight flight(shared_.stats, "Malformed");
  flight.fail("BadRequest");
  Sending sending;
  sending.request_id = fresh_request_id();
  RefusalStyle style;
  style.request_id = sending.request_id;
  Reply reply = refusal(
      service_error(400, "BadRequest", "The request line or a header is malformed."), style);
  co_await send(std::move(reply), std::move(sending), &flight);
}

awaitable<bool> Session::pause(core::Duration duration) {
  if (duration <= core::Duration{}) {
    co_return true;
  }
  const core::SteadyTime end = shared_.clock.steady_now() + duration;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  busy_ = true;
  bool stayed = true;
  for (core::SteadyTime now = shared_.clock.steady_now(); stayed && now < end;
       now = shared_.clock.steady_now()) {
    timer.expires_after(std::min<core::Duration>(end - now, kSlice));
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    stayed = !link_.peer_left();
  }
  busy_ = false;
  co_return stayed;
}

awaitable<void> Session::hang(Flight& flight) {
  bool stayed = true;
  while (stayed) {
    stayed = co_await pause(std::chrono::hours(1));
  }
  break_off(&flight);
}

awaitable<Fault> Session::strike(std::string_view operation, std::string_view key) {
  std::uint64_t releases = shared_.faults.releases();  // before, so that none is missed
  Fault fault = shared_.faults.strike(operation, key);
  while (fault.hold) {
    shared_.faults.held(true);
    bool stayed = true;
    while (stayed && shared_.faults.releases() == releases) {
      stayed = co_await pause(kSlice);
    }
    shared_.faults.held(false);
    if (!stayed) {
      fault.hold = false;
      fault.hang = true;  // nobody is there to be answered
      break;
    }
    releases = shared_.faults.releases();
    fault = shared_.faults.strike(operation, key);
  }
  co_return fault;
}

void Session::break_off(Flight* flight) {
  if (flight != nullptr) {
    flight->fail("(broken)");
  }
  keep_alive_ = false;
  gone_ = true;
  link_.shut_down();
}

awaitable<void> Session::serve_objects() {
  std::string form;
  bool body_read = false;
  if (request_.method == "POST" && request_.raw_path == "/" && is_form(request_)) {
    auto text = co_await read_text();
    if (!text) {
      break_off(nullptr);
      co_return;
    }
    form = std::move(*text);
    body_read = true;
  }
  if (is_for_sts(request_, form)) {
    co_await serve_sts(std::move(form), body_read);
    co_return;
  }
  Call call;
  call.request = std::move(request_);
  call.text = std::move(form);
  call.request_id = fresh_request_id();
  shared_.service.recognise(call);
  co_await serve_object(call, body_read);
  request_.peer = std::move(call.request.peer);
  request_.tls = call.request.tls;
}

awaitable<void> Session::serve_object(Call& call, bool body_read) {
  const std::string name(facts_of(call.op).name);
  Flight flight(shared_.stats, name);
  const Fault fault = co_await strike(name, call.address.key);
  if (fault.hang) {
    co_await hang(flight);
    co_return;
  }
  Outcome<bool> admitted = fault.refuses() ? Outcome<bool>(refuse(error_of(fault)))
                                           : shared_.service.admit(call, fault.clock_offset);
  if (admitted && !body_read) {
    admitted = co_await receive(call, fault, flight);
    if (reader_.failed() && !gone_) {
      break_off(&flight);
    }
    if (gone_) {
      co_return;
    }
  }
  const core::Duration delay =
      fault.delay + core::Duration(shared_.shape.latency_ns.load(std::memory_order_relaxed));
  const bool stayed = co_await pause(delay);
  if (!stayed) {
    break_off(&flight);
    co_return;
  }
  Reply reply;
  if (!admitted) {
    reply = shared_.service.refuse_call(call, admitted.error());
  } else if (fault.body) {
    reply.add("Content-Type", "text/html");
    reply.text = *fault.body;
  } else if (call.op == Op::UploadPartCopy && shared_.storage.blobs().on_disk()) {
    reply = co_await elsewhere(disk_, [&] { return shared_.service.run(call); });
  } else {
    reply = shared_.service.run(call);
  }
  if (fault.refuses()) {
    add_retry_hints(reply, fault);
  }
  if (reply.status >= 400) {
    flight.fail(reply.error_code);
  }
  Sending sending;
  sending.request_id = call.request_id;
  sending.dialect = call.dialect;
  sending.head_only = call.request.method == "HEAD";
  if (call.op == Op::GetObjectMeta && !sending.head_only) {
    sending.head_only = true;  // GET is an old way to ask; its length is never followed by bytes
    keep_alive_ = false;
  }
  sending.bytes_per_second = slower(shared_.shape.bytes_per_second.load(std::memory_order_relaxed),
                                    call.op == Op::GetObject ? call.traffic_limit / 8 : 0);
  sending.fault = fault;
  co_await send(std::move(reply), std::move(sending), &flight);
}

awaitable<void> Session::serve_sts(std::string form, bool body_read) {
  if (!body_read) {
    auto text = co_await read_text();
    if (!text) {
      break_off(nullptr);
      co_return;
    }
    form = std::move(*text);
  }
  std::string name = shared_.authority.sts_action(request_, form);
  if (name.empty()) {
    name = "UnknownAction";
  }
  Flight flight(shared_.stats, name);
  flight.moved(form.size(), 0);
  const Fault fault = co_await strike(name, {});
  if (fault.hang) {
    co_await hang(flight);
    co_return;
  }
  const bool stayed = co_await pause(
      fault.delay + core::Duration(shared_.shape.latency_ns.load(std::memory_order_relaxed)));
  if (!stayed) {
    break_off(&flight);
    co_return;
  }
  Answer answer;
  if (fault.refuses() && is_aws_sts(request_, form)) {
    answer = aws_sts_refusal(error_of(fault), fresh_request_id());
  } else if (fault.refuses()) {
    const QueryParam* format = request_.param("Format");
    const bool json = (format != nullptr && core::equal_ignoring_case(format->value, "json")) ||
                      form.find("Format=JSON") != std::string::npos ||
                      request_.header("x-acs-action").has_value();
    answer = sts_refusal(error_of(fault), json, fresh_request_id());
  } else if (fault.body) {
    answer.content_type = "text/html";
    answer.body = *fault.body;
  } else {
    answer = shared_.authority.sts(request_, form, fault.clock_offset, name);
  }
  co_await finish_small(std::move(answer), fault, flight);
}

awaitable<void> Session::serve_metadata() {
  auto text = co_await read_text();
  if (!text) {
    break_off(nullptr);
    co_return;
  }
  Flight flight(shared_.stats, "GetMetadata");
  const Fault fault = co_await strike("GetMetadata", request_.raw_path);
  if (fault.hang) {
    co_await hang(flight);
    co_return;
  }
  const bool stayed = co_await pause(fault.delay);
  if (!stayed) {
    break_off(&flight);
    co_return;
  }
  Answer answer;
  if (fault.body) {
    answer.content_type = "text/html";
    answer.body = *fault.body;
  } else if (fault.refuses()) {
    answer.status = error_of(fault).status;
    answer.content_type = "text/plain";
    answer.body = error_of(fault).code + "\n";
  } else {
    answer = shared_.authority.metadata(request_);
  }
  co_await finish_small(std::move(answer), fault, flight);
}

awaitable<void> Session::finish_small(Answer answer, const Fault& fault, Flight& flight) {
  Reply reply = reply_of(std::move(answer));
  if (fault.refuses()) {
    add_retry_hints(reply, fault);
  }
  if (reply.status >= 400) {
    flight.fail(fault.refuses() ? error_of(fault).code : std::to_string(reply.status));
  }
  Sending sending;
  sending.request_id = fresh_request_id();
  sending.head_only = request_.method == "HEAD";
  sending.fault = fault;
  co_await send(std::move(reply), std::move(sending), &flight);
}

awaitable<void> Session::serve_admin() {
  auto text = co_await read_text();
  if (!text) {
    break_off(nullptr);
    co_return;
  }
  Reply reply = reply_of(administrate(shared_, request_, *text));
  Sending sending;
  sending.request_id = fresh_request_id();
  sending.head_only = request_.method == "HEAD";
  co_await send(std::move(reply), std::move(sending), nullptr);
}

}  // namespace emulator
