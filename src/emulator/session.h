#pragma once
// One connection from its first request to its last.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "emulator/shared.h"
#include "emulator/wire/link.h"
#include "emulator/wire/request_reader.h"

namespace emulator {

/// Which of the three ports a connection came in by.
enum class Port : std::uint8_t { Objects, Metadata, Admin };

/// Threads: that of its io_context; disk work goes to `disk`.
class Session {
 public:
  Session(tcp::socket socket, asio::ssl::context* tls, Port port, Shared shared,
          asio::thread_pool& disk, const std::uint64_t& tick);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  awaitable<void> run();
  /// Ends the connection if nothing has moved on it for too long. The worker calls it each second.
  void check_idle();

 private:
  /// How one answer goes out, faults included.
  struct Sending {
    std::string request_id;
    Dialect dialect = Dialect::Oss;
    bool head_only = false;
    std::uint64_t bytes_per_second = 0;
    Fault fault;
  };

  awaitable<void> serve_objects();
  awaitable<void> serve_object(Call& call, bool body_read);
  awaitable<void> serve_sts(std::string form, bool body_read);
  awaitable<void> serve_metadata();
  awaitable<void> serve_admin();
  awaitable<void> refuse_malformed();
  awaitable<void> finish_small(Answer answer, const Fault& fault, Flight& flight);

  /// Reads a small body whole; nothing if it is too large or the connection broke.
  awaitable<std::optional<std::string>> read_text();
  awaitable<Outcome<bool>> receive(Call& call, const Fault& fault, Flight& flight);
  awaitable<Outcome<bool>> receive_object(Call& call, const Fault& fault, Flight& flight);
  awaitable<void> allow_body();
  /// What is left of a body that nobody wants, so that the next request can be read.
  awaitable<void> discard_body();

  awaitable<void> send(Reply reply, Sending sending, Flight* flight);
  awaitable<bool> send_body(std::string head, Reply& reply, const Sending& sending,
                            std::uint64_t limit, Flight* flight);
  /// False if the client left meanwhile.
  awaitable<bool> pause(core::Duration duration);
  awaitable<void> hang(Flight& flight);
  /// What shall go wrong; a request that is held learns it once it is released.
  awaitable<Fault> strike(std::string_view operation, std::string_view key);
  void break_off(Flight* flight);

  Link link_;
  RequestReader reader_;
  const Port port_;
  const Shared shared_;
  asio::thread_pool& disk_;
  RawRequest request_;
  HeadInfo info_;
  core::SteadyTime started_{};
  bool keep_alive_ = true;
  bool continue_due_ = false;  ///< the client waits for 100 before it sends the body
  bool busy_ = false;          ///< pauses on purpose: not idle
  bool gone_ = false;          ///< ended by us in the middle of something
};

}  // namespace emulator
