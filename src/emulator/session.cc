#include "emulator/session.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "core/text.h"
#include "emulator/admin.h"
#include "emulator/aws_chunked.h"
#include "emulator/pacer.h"

namespace emulator {
namespace {

constexpr std::uint64_t kIdleSeconds = 90;
constexpr std::size_t kTextLimit = std::size_t{4} << 20U;
constexpr std::uint64_t kDiscardLimit = 16U << 20U;  // more is not worth a kept connection
constexpr std::uint64_t kLargestBody = std::uint64_t{5} << 30U;
constexpr std::uint64_t kStepBytes = std::uint64_t{1} << 20U;
constexpr core::Duration kSlice = std::chrono::milliseconds(50);  // how soon a pause ends
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

/// Runs `work` on the disk's threads while this one serves others.
template <class Work>
awaitable<std::invoke_result_t<Work&>> elsewhere(asio::thread_pool& pool, Work work) {
  using Value = std::invoke_result_t<Work&>;
  co_return co_await asio::co_spawn(
      pool.get_executor(), [&work]() -> awaitable<Value> { co_return work(); },
      asio::use_awaitable);
}

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

/// The slower of the two limits, in bytes a second; 0: none.
std::uint64_t slower(std::uint64_t a, std::uint64_t b) {
  return a == 0 ? b : b == 0 ? a : std::min(a, b);
}

/// `body` with one bit in its middle turned over.
Body corrupted(const Body& body) {
  const std::uint64_t middle = body.size() / 2;
  const Piece at = body.slice(middle, 1).pieces().front();
  char byte = 0;
  if (!at.blob->memory().empty()) {
    byte = static_cast<char>(at.blob->memory()[at.offset]);
  } else {
    const core::UniqueFd fd(::open(at.blob->path().c_str(), O_RDONLY | O_CLOEXEC));
    if (::pread(fd.get(), &byte, 1, static_cast<off_t>(at.offset)) != 1) {
      byte = 0;  // then the change is a larger one
    }
  }
  Body out = body.slice(0, middle);
  out.add(make_memory_body(std::string(1, static_cast<char>(byte ^ 1))));
  out.add(body.slice(middle + 1, body.size() - middle - 1));
  return out;
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
    keep_alive_ = info_.keep_alive;
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
    co_await discard_body();
  }
  if (connected && !reader_.failed()) {
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

awaitable<void> Session::allow_body() {
  if (continue_due_) {
    continue_due_ = false;
    std::vector<core::ByteView> line;
    line.push_back(core::as_bytes(kContinue));
    co_await link_.write(std::move(line));
  }
}

awaitable<std::optional<std::string>> Session::read_text() {
  std::string text;
  if (reader_.left() > kTextLimit) {
    co_return std::nullopt;
  }
  co_await allow_body();
  while (!reader_.at_end()) {
    const std::size_t size = text.size();
    if (size > kTextLimit) {
      co_return std::nullopt;
    }
    text.resize(size +
                std::min<std::uint64_t>(reader_.left().value_or(kStepBytes / 16), kStepBytes));
    const std::size_t n = co_await reader_.read_body(
        std::as_writable_bytes(std::span(text.data() + size, text.size() - size)));
    text.resize(size + n);
  }
  if (reader_.failed()) {
    co_return std::nullopt;
  }
  co_return text;
}

awaitable<void> Session::discard_body() {
  if (continue_due_ || (reader_.left().value_or(0) > kDiscardLimit)) {
    keep_alive_ = false;  // linger() takes what still comes
    co_return;
  }
  std::vector<std::byte> rest;
  for (std::uint64_t total = 0; !reader_.at_end();) {
    rest.resize(kStepBytes / 16);
    const std::size_t n = co_await reader_.read_body(rest);
    total += n;
    if (total > kDiscardLimit) {
      keep_alive_ = false;
      co_return;
    }
  }
  keep_alive_ = keep_alive_ && !reader_.failed();
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

void Session::break_off(Flight* flight) {
  if (flight != nullptr) {
    flight->fail("(broken)");
  }
  keep_alive_ = false;
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
  const Fault fault = shared_.faults.strike(name, call.address.key);
  if (fault.hang) {
    co_await hang(flight);
    co_return;
  }
  Outcome<bool> admitted = fault.refuses() ? Outcome<bool>(refuse(error_of(fault)))
                                           : shared_.service.admit(call, fault.clock_offset);
  if (admitted && !body_read) {
    admitted = co_await receive(call, fault, flight);
    if (reader_.failed()) {
      break_off(&flight);
      co_return;
    }
    if (fault.reset && call.op != Op::NotImplemented && !keep_alive_) {
      co_return;  // receive() has reset the connection
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
  sending.head_only = call.request.method == "HEAD" || call.op == Op::GetObjectMeta;
  sending.bytes_per_second = slower(shared_.shape.bytes_per_second.load(std::memory_order_relaxed),
                                    call.op == Op::GetObject ? call.traffic_limit / 8 : 0);
  sending.fault = fault;
  co_await send(std::move(reply), std::move(sending), &flight);
}

awaitable<Outcome<bool>> Session::receive(Call& call, const Fault& fault, Flight& flight) {
  const BodyKind kind = facts_of(call.op).body;
  if (kind == BodyKind::None) {
    co_return true;
  }
  if (!info_.chunked && !info_.content_length && kind == BodyKind::Object) {
    co_return refuse(service_error(411, "MissingContentLength",
                                   "You must provide the Content-Length HTTP header."));
  }
  if (info_.content_length.value_or(0) > kLargestBody) {
    co_return refuse(service_error(400, "EntityTooLarge",
                                   "Your proposed upload exceeds the maximum allowed size."));
  }
  if (kind == BodyKind::Object) {
    co_return co_await receive_object(call, fault, flight);
  }
  auto text = co_await read_text();
  if (!text) {
    co_return refuse(service_error(400, "MalformedXML", "The body is too large."));
  }
  call.text = std::move(*text);
  flight.moved(call.text.size(), 0);
  co_return true;
}

awaitable<Outcome<bool>> Session::receive_object(Call& call, const Fault& fault, Flight& flight) {
  const std::string_view payload = call.request.header("x-amz-content-sha256").value_or("");
  std::optional<AwsChunkedDecoder> decoder;
  std::optional<std::uint64_t> expected = info_.content_length;
  if (call.dialect == Dialect::S3 && payload.starts_with("STREAMING-")) {
    decoder.emplace();
    expected.reset();
  }
  BodyWriter::Digests digests;
  digests.md5 = call.request.header("Content-MD5").has_value();
  digests.sha256 = call.dialect == Dialect::S3 && payload.size() == 64;
  BodyWriter writer(shared_.storage.blobs(), expected, digests);
  Pacer pacer(slower(shared_.shape.bytes_per_second.load(std::memory_order_relaxed),
                     call.traffic_limit / 8),
              shared_.clock.steady_now());
  std::vector<std::byte> encoded(decoder ? kStepBytes / 4 : 0);
  std::uint64_t received = 0;
  bool to_corrupt = fault.corrupt;
  co_await allow_body();
  while (!reader_.at_end() && (!fault.reset || received < *fault.reset)) {
    if (writer.must_flush()) {
      const core::Status flushed = co_await elsewhere(disk_, [&] { return writer.flush(); });
      if (!flushed) {
        co_return refuse(internal_error("The disk failed."));
      }
    }
    std::span<std::byte> room = decoder ? std::span(encoded) : writer.room();
    std::uint64_t most = std::min<std::uint64_t>(room.size(), pacer.step());
    if (fault.reset) {
      most = std::min(most, *fault.reset - received);
    }
    room = room.first(static_cast<std::size_t>(most));
    const std::size_t n = co_await reader_.read_body(room);
    if (n == 0) {
      break;
    }
    if (to_corrupt) {
      room[n / 2] ^= std::byte{1};
      to_corrupt = false;
    }
    if (!decoder) {
      writer.filled(n);
    } else if (!decoder->feed(room.first(n), writer)) {
      co_return refuse(service_error(400, "InvalidRequest", "The aws-chunked body is malformed."));
    }
    received += n;
    flight.moved(n, 0);
    const bool stayed = co_await pause(pacer.moved(n, shared_.clock.steady_now()));
    if (!stayed) {
      break_off(&flight);
      co_return refuse(internal_error("The client left."));
    }
  }
  if (fault.reset) {  // at the latest when the body ends, and before it is stored
    flight.fail("(broken)");
    keep_alive_ = false;
    co_await link_.reset_after_sending();
    co_return refuse(internal_error("The connection was reset."));
  }
  if (reader_.failed()) {
    co_return refuse(internal_error("The connection broke."));
  }
  if (decoder && !decoder->complete()) {
    co_return refuse(service_error(400, "IncompleteBody", "The aws-chunked body is incomplete."));
  }
  core::Result<Incoming> incoming = writer.size() > kStepBytes && shared_.storage.blobs().on_disk()
                                        ? co_await elsewhere(disk_, [&] { return writer.finish(); })
                                        : writer.finish();
  if (!incoming) {
    co_return refuse(internal_error("The disk failed."));
  }
  call.incoming = std::move(*incoming);
  co_return true;
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
  const Fault fault = shared_.faults.strike(name, {});
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
  if (fault.refuses()) {
    const QueryParam* format = request_.param("Format");
    const bool json = (format != nullptr && core::equal_ignoring_case(format->value, "json")) ||
                      form.find("Format=JSON") != std::string::npos ||
                      request_.header("x-acs-action").has_value();
    answer = sts_refusal(error_of(fault), json, fresh_request_id());
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
  const Fault fault = shared_.faults.strike("GetMetadata", request_.raw_path);
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
  if (fault.refuses()) {
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

awaitable<void> Session::send(Reply reply, Sending sending, Flight* flight) {
  const Fault& fault = sending.fault;
  if (fault.lost_response) {
    break_off(flight);
    co_return;
  }
  if (continue_due_ || reader_.left().value_or(0) > kDiscardLimit) {
    keep_alive_ = false;  // the body will not be read
  }
  const std::uint64_t length =
      sending.head_only || reply.status == 204 || reply.status == 304 ? 0 : reply.length();
  if (sending.head_only && !reply.announced) {
    reply.announced = reply.length();
  }
  if (fault.corrupt && length > 0) {
    if (!reply.text.empty()) {
      reply.text[reply.text.size() / 2] = static_cast<char>(reply.text[reply.text.size() / 2] ^ 1);
    } else {
      reply.object = corrupted(reply.object);
    }
  }
  std::uint64_t limit = length;
  if (fault.truncate) {
    limit = std::min(limit, *fault.truncate);
  }
  if (fault.reset) {
    limit = std::min(limit, *fault.reset);
  }
  HeadFacts facts;
  facts.request_id = sending.request_id;
  facts.dialect = sending.dialect;
  facts.clock_offset = fault.clock_offset;
  facts.keep_alive = keep_alive_;
  facts.server_milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(shared_.clock.steady_now() - started_)
          .count();
  std::string head = render_head(reply, facts, shared_.clock.wall_now());
  const bool sent = co_await send_body(std::move(head), reply, sending, limit, flight);
  if (!sent) {
    break_off(flight);
  } else if (fault.reset) {
    if (flight != nullptr) {
      flight->fail("(broken)");
    }
    keep_alive_ = false;
    co_await link_.reset_after_sending();
  } else if (limit < length) {
    break_off(flight);
  }
}

awaitable<bool> Session::send_body(std::string head, Reply& reply, const Sending& sending,
                                   std::uint64_t limit, Flight* flight) {
  std::vector<core::ByteView> batch;
  batch.push_back(core::as_bytes(head));
  if (limit > 0 && !reply.text.empty()) {
    batch.push_back(core::as_bytes(reply.text).first(limit));
    const bool written = co_await link_.write(std::move(batch));
    if (written && flight != nullptr) {
      flight->moved(0, limit);
    }
    co_return written;
  }
  Pacer pacer(sending.bytes_per_second, shared_.clock.steady_now());
  const std::uint64_t step = std::min(pacer.step(), kStepBytes);
  std::uint64_t batched = 0;
  std::uint64_t left = limit;
  for (const Piece& piece : reply.object.pieces()) {
    core::UniqueFd fd;
    for (std::uint64_t done = 0; done < piece.length && left > 0;) {
      const std::uint64_t take = std::min({piece.length - done, left, step - batched});
      const bool in_memory = !piece.blob->memory().empty();
      if (in_memory) {
        batch.push_back(piece.blob->memory().subspan(piece.offset + done, take));
        batched += take;
      }
      done += take;
      left -= take;
      if (in_memory && batched < step && left > 0) {
        continue;
      }
      if (!batch.empty()) {
        const bool written = co_await link_.write(std::exchange(batch, {}));
        if (!written) {
          co_return false;
        }
      }
      if (!in_memory) {
        if (!fd.valid()) {
          fd.reset(::open(piece.blob->path().c_str(), O_RDONLY | O_CLOEXEC));
        }
        const bool written = co_await link_.send_file(fd.get(), piece.offset + done - take, take);
        if (!written) {
          co_return false;
        }
      }
      const std::uint64_t moved = in_memory ? std::exchange(batched, 0) : take;
      if (flight != nullptr) {
        flight->moved(0, moved);
      }
      const bool stayed = co_await pause(pacer.moved(moved, shared_.clock.steady_now()));
      if (!stayed) {
        co_return false;
      }
    }
  }
  if (!batch.empty()) {
    co_return co_await link_.write(std::move(batch));
  }
  co_return true;
}

}  // namespace emulator
