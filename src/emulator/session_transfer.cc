// Session: bodies in and answers out, with what shall go wrong on the way.
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "emulator/session.h"
#include "emulator/wire/aws_chunked.h"
#include "emulator/wire/elsewhere.h"
#include "emulator/wire/pacer.h"

namespace emulator {
namespace {

constexpr std::size_t kTextLimit = std::size_t{4} << 20U;
constexpr std::uint64_t kDiscardLimit = 16U << 20U;  // more is not worth a kept connection
constexpr std::uint64_t kLargestBody = std::uint64_t{5} << 30U;
constexpr std::uint64_t kStepBytes = std::uint64_t{1} << 20U;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

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
  if (!keep_alive_ || continue_due_ || (reader_.left().value_or(0) > kDiscardLimit)) {
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
    gone_ = true;
    co_await link_.reset_after_sending();
    co_return refuse(internal_error("The connection was reset."));
  }
  if (reader_.failed()) {
    co_return refuse(internal_error("The connection broke."));
  }
  if (decoder && !decoder->complete()) {
    co_return refuse(service_error(400, "IncompleteBody", "The aws-chunked body is incomplete."));
  }
  // Not with ?:, in which g++ 12 copies what co_await gives without its constructor.
  core::Result<Incoming> incoming;
  if (writer.size() > kStepBytes && shared_.storage.blobs().on_disk()) {
    incoming = co_await elsewhere(disk_, [&] { return writer.finish(); });
  } else {
    incoming = writer.finish();
  }
  if (!incoming) {
    co_return refuse(internal_error("The disk failed."));
  }
  call.incoming = std::move(*incoming);
  co_return true;
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
  if (sent && fault.reset) {
    if (flight != nullptr) {
      flight->fail("(broken)");
    }
    keep_alive_ = false;
    gone_ = true;
    co_await link_.reset_after_sending();
  } else if (!sent || limit < length) {
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
      const std::uint64_t moved = std::exchange(batched, 0) + (in_memory ? 0 : take);
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
