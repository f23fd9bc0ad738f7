#pragma once
// An http::Transport that answers from a script.
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/mutex.h"
#include "http/transport.h"

namespace test {

/// What one request gets.
struct Reply {
  int status = 200;
  http::Headers headers;
  std::string body;
  /// The connection breaks once that many bytes of the body have arrived.
  std::optional<std::size_t> cut_after;
  /// No answer at all, but this failure; the request is recorded all the same.
  std::optional<core::Error> error;
};

/// A request as it was sent, its body read.
struct Sent {
  http::Request request;
  std::string body;
  http::Patience patience;
  core::SteadyTime deadline;
  [[nodiscard]] std::string header(std::string_view name) const {
    return std::string(request.headers.get(name).value_or(""));
  }
  /// "GET /path?query"
  [[nodiscard]] std::string line() const { return request.method + " " + request.target(); }
};

/// Answers in the calling thread, in the order of the script; past its end with Internal.
/// Threads: any.
class FakeTransport final : public http::Transport {
 public:
  FakeTransport& reply(Reply reply);
  /// Decides when the request is there.
  FakeTransport& reply(std::function<Reply(const Sent&)> decide);

  void send(http::Exchange exchange, Done done) override;

  [[nodiscard]] std::vector<Sent> sent() const;
  /// Replies that nobody asked for yet.
  [[nodiscard]] std::size_t left() const;

 private:
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  std::deque<std::function<Reply(const Sent&)>> script_ GUARDED_BY(mutex_);
  std::vector<Sent> sent_ GUARDED_BY(mutex_);
};

}  // namespace test
