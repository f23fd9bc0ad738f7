#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>

#include "core/bytes.h"
#include "core/unique_fd.h"
#include "curl/handles.h"
#include "curl/options.h"
#include "http/message.h"

namespace curl {

/// What a connection leads to: exchanges with the same may share it.
struct Route {
  http::Origin origin;
  bool direct = false;  ///< past the proxy, if there is one

  friend bool operator<(const Route& a, const Route& b) {
    const auto key = [](const Route& route) {
      return std::tie(route.origin.host, route.origin.port, route.origin.scheme, route.direct);
    };
    return key(a) < key(b);
  }
};

/// One connection. libcurl makes it (names, addresses, proxy, TCP, TLS); the bytes are ours.
///
/// Where there is no TLS, libcurl's part ends there and the socket is spoken to directly; else each
/// byte goes through curl_easy_send and curl_easy_recv.
/// Threads: open() blocks, and may run on any; afterwards one at a time.
class Connection {
 public:
  /// `give_up` ends the attempt within a second.
  /// Errors: Unavailable, Timeout (after `patience`), NotPermitted (certificate refused), with
  /// their
  ///   reason; Cancelled; "host:port: …".
  static core::Result<std::unique_ptr<Connection>> open(const Options& options, const Route& route,
                                                        core::Duration patience, CURLSH* share,
                                                        const std::atomic<bool>& give_up);

  [[nodiscard]] int socket() const { return socket_; }
  /// The other end is a proxy that is to be told the whole URL (RFC 9112, 3.2.2).
  [[nodiscard]] bool to_proxy() const { return to_proxy_; }

  /// Shape: how many bytes went; 0: none can right now.
  core::Result<std::size_t> send(core::ByteView bytes);
  /// The same with pieces, one behind the other. Through TLS only the first one goes.
  core::Result<std::size_t> send(std::span<const core::ByteView> pieces);
  /// Whether send_file() can: nothing is done to the bytes on their way.
  [[nodiscard]] bool sends_files() const { return !easy_; }
  /// Sends bytes of a file without reading them. Shape: as send(). Errors: Io: the file ends early.
  /// Whoever may be left by the other side meanwhile ignores SIGPIPE.
  core::Result<std::size_t> send_file(int fd, std::uint64_t offset, std::size_t size);
  /// Nothing has come, nor has the other side ended. Takes a byte where that is not so: the
  /// connection is spoilt then.
  [[nodiscard]] bool silent();
  /// Shape: how many bytes came, 0 at the end; nothing: none are there right now.
  core::Result<std::optional<std::size_t>> receive(std::span<std::byte> buffer);

 private:
  Connection() = default;
  static int on_close(void* self, curl_socket_t socket);

  core::UniqueFd owned_;  ///< the socket, where it is ours
  int socket_ = -1;
  bool to_proxy_ = false;
  EasyHandle easy_;  ///< none once the socket is ours; goes first: it asks whose the socket is
};

}  // namespace curl
