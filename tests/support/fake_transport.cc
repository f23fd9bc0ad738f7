#include "support/fake_transport.h"

#include <algorithm>

namespace test {
namespace {

constexpr std::size_t kPieceBytes = 1000;

std::string collect(const http::Body* body) {
  std::string text;
  if (body == nullptr) {
    return text;
  }
  text.resize(static_cast<std::size_t>(body->size()));
  std::size_t at = 0;
  while (at < text.size()) {
    const std::span<char> rest(text.data() + at, std::min(kPieceBytes, text.size() - at));
    const auto count = body->read(at, std::as_writable_bytes(rest));
    if (!count || *count == 0) {
      break;
    }
    at += *count;
  }
  text.resize(at);
  return text;
}

core::Result<http::Response> deliver(const Reply& reply, http::BodySink* sink) {
  if (reply.error) {
    return *reply.error;
  }
  http::Response response;
  response.status = reply.status;
  response.headers = reply.headers;
  const bool to_sink = sink != nullptr && sink->on_head(response);
  const std::size_t end = std::min(reply.body.size(), reply.cut_after.value_or(reply.body.size()));
  for (std::size_t at = 0; to_sink && at < end; at += kPieceBytes) {
    const std::string_view piece(reply.body.data() + at, std::min(kPieceBytes, end - at));
    TRY(sink->on_data(core::as_bytes(piece)));
  }
  if (reply.cut_after) {
    return core::fail(core::ErrorKind::Unavailable, "the connection broke");
  }
  if (!to_sink) {
    response.body = reply.body;
  }
  return response;
}

}  // namespace

FakeTransport& FakeTransport::reply(Reply reply) {
  return this->reply([reply = std::move(reply)](const Sent&) { return reply; });
}

FakeTransport& FakeTransport::reply(std::function<Reply(const Sent&)> decide) {
  const core::MutexLock lock(mutex_);
  script_.push_back(std::move(decide));
  return *this;
}

void FakeTransport::send(http::Exchange exchange, Done done) {
  Sent sent{exchange.request, collect(exchange.request.body.get()), exchange.patience,
            exchange.context.deadline};
  std::function<Reply(const Sent&)> decide = [](const Sent& unexpected) {
    Reply none;
    none.error = core::fail(core::ErrorKind::Internal, "not in the script: " + unexpected.line());
    return none;
  };
  {
    const core::MutexLock lock(mutex_);
    sent_.push_back(sent);
    if (!script_.empty()) {
      decide = std::move(script_.front());
      script_.pop_front();
    }
  }
  done(deliver(decide(sent), exchange.sink.get()));
}

std::vector<Sent> FakeTransport::sent() const {
  const core::MutexLock lock(mutex_);
  return sent_;
}

std::size_t FakeTransport::left() const {
  const core::MutexLock lock(mutex_);
  return script_.size();
}

}  // namespace test
