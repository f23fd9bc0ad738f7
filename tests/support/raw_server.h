#pragma once
// A server that sends whatever bytes a test writes, for what no sane server would send.
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/mutex.h"
#include "core/unique_fd.h"
#include "http/message.h"

namespace test {

/// Listens on a loopback port that the kernel chose; each connection gets `serve` on a thread of
/// its own, and is closed when that returns.
class RawServer {
 public:
  class Connection {
   public:
    Connection(int fd, std::size_t number) : fd_(fd), number_(number) {}
    /// Counted from 0 in order of arrival.
    [[nodiscard]] std::size_t number() const { return number_; }
    /// Up to and with the empty line; empty when the client has gone.
    std::string read_head();
    /// Fewer than asked only when the client has gone.
    std::string read_exact(std::size_t count);
    /// False when the client has gone.
    bool send(std::string_view bytes) const;  // NOLINT(modernize-use-nodiscard): few care
    /// The next close becomes a reset.
    void reset() const;
    /// Returns when the client has closed its side, or the server ends.
    void wait_closed();

   private:
    const int fd_;
    const std::size_t number_;
    std::string buffer_;
  };
  using Serve = std::function<void(Connection&)>;

  explicit RawServer(Serve serve);
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;
  ~RawServer();

  [[nodiscard]] http::Origin origin() const;
  [[nodiscard]] std::size_t connections() const { return connections_; }

 private:
  void accept_all();

  const Serve serve_;
  core::UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> connections_{0};
  core::Mutex mutex_{core::LockRank::Leaf};
  bool ending_ GUARDED_BY(mutex_) = false;
  std::vector<int> open_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
  std::thread acceptor_;
};

}  // namespace test
