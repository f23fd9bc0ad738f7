#pragma once
// One connection: bytes in, bytes out, plain or TLS, without ever blocking the thread.
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/digest.h"
#include "emulator/wire/asio.h"

namespace boost::asio::ssl {
class context;
}

namespace emulator {

/// Threads: that of its io_context.
class Link {
 public:
  /// `tls` null: plain. `tick`: the worker's count of seconds, for idle time-outs.
  Link(tcp::socket socket, boost::asio::ssl::context* tls, const std::uint64_t& tick);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link();

  awaitable<bool> handshake();
  /// 0: the end, or an error.
  awaitable<std::size_t> read_some(std::span<std::byte> into);
  /// All of it, in one system call where possible; false: the connection broke.
  awaitable<bool> write(std::vector<core::ByteView> pieces);
  /// `length` bytes of the file, straight from the page cache (through memory under TLS).
  awaitable<bool> send_file(int fd, std::uint64_t offset, std::uint64_t length);

  /// True once the other side has closed or reset the connection, unread bytes or not.
  [[nodiscard]] bool peer_left();
  /// What was written still arrives (for up to a second), then the connection is reset.
  awaitable<void> reset_after_sending();
  /// Ends both directions at once: whatever waits here wakes up and fails.
  void shut_down();
  /// Says that nothing more will be sent, and waits for the other side to close, for a while.
  awaitable<void> linger();

  /// Seconds since bytes last moved, or since touch().
  [[nodiscard]] std::uint64_t idle() const { return tick_ - active_; }
  void touch() { active_ = tick_; }
  [[nodiscard]] std::string peer() const;

 private:
  awaitable<void> moved(std::size_t n);
  awaitable<bool> ready(tcp::socket::wait_type what);

  struct Tls;
  tcp::socket socket_;
  std::unique_ptr<Tls> tls_;
  std::size_t since_yield_ = 0;
  const std::uint64_t& tick_;
  std::uint64_t active_;
};

}  // namespace emulator
