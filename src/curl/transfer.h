#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "curl/answer_reader.h"
#include "curl/connection.h"
#include "http/transport.h"

namespace curl {

/// What every request says besides what its caller wrote.
struct Manners {
  std::string user_agent;
  std::string proxy_authorization;  ///< empty: the proxy asks for none
};

/// One exchange on its way over a connection.
/// Threads: made by any, stopped from any; everything else belongs to the loop's thread.
class Transfer final : private AnswerReader::Listener {
 public:
  /// `wake` tells the loop to look at the transfer again when its stop is requested.
  Transfer(http::Exchange exchange, http::Transport::Done done, std::function<void()> wake);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() override = default;

  /// Errors: InvalidArgument for what cannot be said in HTTP.
  core::Status begin(core::SteadyTime now);
  [[nodiscard]] Route route() const;
  [[nodiscard]] core::Duration connect_patience() const { return exchange_.patience.connect; }

  /// Goes over `connection` from now on; `used`: others did before.
  void attach(std::unique_ptr<Connection> connection, bool used, const Manners& manners);
  [[nodiscard]] const Connection* connection() const { return connection_.get(); }
  [[nodiscard]] bool has_body() const { return exchange_.request.body != nullptr; }
  /// Sends of the head what goes at once; go_on() does the rest.
  void send_head();
  /// Sends where that is possible now, and receives, by way of `buffer`. True: the exchange has
  /// ended, and outcome() says how.
  bool go_on(std::span<std::byte> buffer, bool writable, bool readable);
  /// The connection takes no more right now, and there is more to send.
  [[nodiscard]] bool waits_to_send() const { return !send_error_ && position_ < length(); }
  /// There may be more to receive that the socket will not tell of.
  [[nodiscard]] bool has_more() const { return has_more_; }
  /// Ended because a connection that had been used before died without a word, on a request that
  /// harms nobody when it is sent twice: begin_anew() on another.
  [[nodiscard]] bool may_repeat() const;
  void begin_anew();

  /// Timeout or Cancelled when the exchange has to end now.
  [[nodiscard]] std::optional<core::Error> overdue(core::SteadyTime now) const;
  /// When overdue() may change by time alone.
  [[nodiscard]] core::SteadyTime next_limit() const;

  core::Result<http::Response> outcome();
  /// The connection, if it may carry another exchange.
  std::unique_ptr<Connection> release_connection();
  /// Hands the result out. The transfer is spent afterwards.
  void finish(core::Result<http::Response> result);

 private:
  struct Stop {
    Transfer* transfer;
    void operator()() const;
  };

  core::Status on_head(http::Response head) override;
  core::Status on_body(core::ByteView data) override;

  [[nodiscard]] std::string head_text(const Manners& manners) const;
  [[nodiscard]] std::uint64_t length() const;
  core::Result<std::size_t> fill(std::span<std::byte> buffer) const;
  /// What is sent next of a body that lies in runs, and the rest of the head before it.
  core::Result<std::size_t> send_runs() const;
  void let_go_of_sent();
  void send(std::span<std::byte> buffer);
  bool receive(std::span<std::byte> buffer);
  /// Where to receive next: in the sink's own memory if it has any for what comes, else in
  /// `buffer`.
  [[nodiscard]] std::span<std::byte> target(std::span<std::byte> buffer);
  bool take(core::ByteView bytes);
  bool ended();
  bool fail_with(core::Error error);
  [[nodiscard]] core::Error fail(core::ErrorKind kind, std::string_view why,
                                 std::optional<core::Reason> reason = std::nullopt) const;
  [[nodiscard]] core::Error told(core::Error error) const;
  void moved();

  http::Exchange exchange_;
  http::Transport::Done done_;
  std::function<void()> wake_;
  std::atomic<bool> stopped_{false};

  std::unique_ptr<Connection> connection_;
  bool used_ = false;                      ///< the connection, before
  std::string head_;                       ///< of the request
  std::vector<core::Run> runs_;            ///< where the body lies; empty: it is to be read
  std::size_t next_run_ = 0;               ///< the first that has not gone, all of it
  std::uint64_t run_begin_ = 0;            ///< where that begins in head and body
  std::uint64_t position_ = 0;             ///< how much of head and body has gone
  std::optional<core::Error> send_error_;  ///< nothing more can be sent
  std::optional<AnswerReader> reader_;
  bool heard_ = false;  ///< a byte of the answer
  bool has_more_ = false;
  bool reusable_ = false;
  http::Response response_;
  bool to_sink_ = false;
  bool cut_ = false;  ///< ended on purpose: the rest of an error document is of no interest
  core::SteadyTime last_move_;
  std::optional<core::Error> refusal_;  ///< the sink's, as it said it
  std::optional<core::Error> error_;

  // Last, so that it is gone before what its callback touches.
  std::optional<std::stop_callback<Stop>> on_stop_;
};

}  // namespace curl
