#include "curl/connection.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/os_error.h"
#include "curl/errors.h"

namespace curl {
namespace {

using core::ErrorKind;

// What one call may bring through TLS: libcurl takes no more at a time than its buffer holds.
constexpr long kTlsBufferBytes = 256L * 1024;
// Whoever answers sooner is on this host, or next to it.
constexpr std::uint32_t kNearMicroseconds = 100;
// Bytes on their way to somebody so near: 1.3 GB/s a connection. The system would let megabytes lie
// between the two, which both then move through memory and not through the processor's caches
// (measured, one connection on loopback: 0.23 s/GiB at each end with 4 MiB, 0.11 with 128 KiB).
constexpr int kNearSendBytes = 128 * 1024;
// Sent by one call; more than a socket takes at once.
constexpr std::size_t kMostPieces = 16;

long milliseconds(core::Duration duration) {
  return static_cast<long>(
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::milliseconds>(duration).count()));
}

int on_progress(void* give_up, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(give_up)->load() ? 1 : 0;
}

core::Error broken(int errnum, const char* what) {
  core::Error error = core::fail(ErrorKind::Unavailable, core::os_error(errnum, what).message);
  error.reason = core::Reason::Broken;
  return error;
}

core::Error broken(CURLcode code) {
  core::Error error = core::fail(kind_of(code), curl_easy_strerror(code));
  error.reason = reason_of(code, 0);
  return error;
}

/// How much a call of the socket took; 0: it can take none now.
template <class Call>
core::Result<std::size_t> sent_by(Call call) {
  for (;;) {
    const ssize_t sent = call();
    if (sent >= 0) {
      return static_cast<std::size_t>(sent);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return std::size_t{0};
    }
    if (errno != EINTR) {
      return broken(errno, "send");
    }
  }
}

void set_route(CURL* easy, const Options& options, const Route& route) {
  const std::string url = route.origin.scheme + "://" + route.origin.authority() + "/";
  set_option(easy, CURLOPT_URL, url.c_str());
  set_option(easy, CURLOPT_PROTOCOLS_STR, route.origin.scheme.c_str());
  const bool direct = options.proxy.empty() || route.direct;
  // Empty means none; unset would mean what the environment says.
  set_option(easy, CURLOPT_PROXY, direct ? "" : options.proxy.c_str());
  set_option(easy, CURLOPT_NOPROXY, direct ? "*" : "");
  set_option(easy, CURLOPT_USERAGENT, options.user_agent.c_str());  // for the proxy's CONNECT
}

void set_tls(CURL* easy, const Options& options, CURLSH* share) {
  set_option(easy, CURLOPT_SHARE, share);
  set_option(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set_option(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  set_option(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  set_option(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set_option(easy, CURLOPT_BUFFERSIZE, kTlsBufferBytes);
  if (!options.ca_file.empty()) {
    set_option(easy, CURLOPT_CAINFO, options.ca_file.c_str());
    set_option(easy, CURLOPT_PROXY_CAINFO, options.ca_file.c_str());
  }
}

/// Keeps the queue short where a long one brings nothing. A wish.
void keep_short(int socket) {
  tcp_info known{};
  socklen_t size = sizeof(known);
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &known, &size) == 0 && known.tcpi_rtt > 0 &&
      known.tcpi_rtt <= kNearMicroseconds) {
    ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &kNearSendBytes, sizeof(kNearSendBytes));
  }
}

void set_tcp(CURL* easy, core::Duration patience) {
  set_option(easy, CURLOPT_CONNECT_ONLY, 1L);
  set_option(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(patience));
  set_option(easy, CURLOPT_NOSIGNAL, 1L);
  // A name server that does not answer must not hold up who has given up on it.
  set_option(easy, CURLOPT_QUICK_EXIT, 1L);
  set_option(easy, CURLOPT_TCP_NODELAY, 1L);
  set_option(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set_option(easy, CURLOPT_TCP_KEEPIDLE, 30L);
  set_option(easy, CURLOPT_TCP_KEEPINTVL, 10L);
}

}  // namespace

int Connection::on_close(void* self, curl_socket_t socket) {
  const auto* const connection = static_cast<Connection*>(self);
  return connection->owned_.get() == socket ? 0 : ::close(socket);
}

core::Result<std::unique_ptr<Connection>> Connection::open(const Options& options,
                                                           const Route& route,
                                                           core::Duration patience, CURLSH* share,
                                                           const std::atomic<bool>& give_up) {
  std::unique_ptr<Connection> connection(new Connection);
  connection->easy_.reset(curl_easy_init());
  CURL* const easy = connection->easy_.get();
  CORE_CHECK(easy != nullptr);
  std::array<char, CURL_ERROR_SIZE> text{};
  set_option(easy, CURLOPT_ERRORBUFFER, text.data());
  set_option(easy, CURLOPT_CLOSESOCKETFUNCTION, &on_close);
  set_option(easy, CURLOPT_CLOSESOCKETDATA, connection.get());
  set_option(easy, CURLOPT_NOPROGRESS, 0L);
  set_option(easy, CURLOPT_XFERINFOFUNCTION, &on_progress);
  set_option(easy, CURLOPT_XFERINFODATA, const_cast<std::atomic<bool>*>(&give_up));
  set_tcp(easy, patience);
  set_tls(easy, options, share);
  set_route(easy, options, route);
  const CURLcode code = curl_easy_perform(easy);
  curl_socket_t socket = CURL_SOCKET_BAD;
  if (code != CURLE_OK || curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK ||
      socket == CURL_SOCKET_BAD) {
    long verified = 0;
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verified);
    core::Error error =
        core::fail(code == CURLE_ABORTED_BY_CALLBACK ? ErrorKind::Cancelled : kind_of(code),
                   route.origin.authority() + ": " +
                       (text.front() != '\0' ? text.data() : curl_easy_strerror(code)));
    error.reason = reason_of(code, verified);
    return error;
  }
  set_option(easy, CURLOPT_ERRORBUFFER, nullptr);  // it ends here
  set_option(easy, CURLOPT_NOPROGRESS, 1L);
  const bool proxied = !options.proxy.empty() && !route.direct;
  const bool encrypted =
      route.origin.scheme == "https" || (proxied && options.proxy.starts_with("https:"));
  connection->socket_ = socket;
  keep_short(socket);
  connection->to_proxy_ = proxied && route.origin.scheme == "http";
  if (!encrypted) {
    connection->owned_.reset(socket);
    connection->easy_.reset();
  }
  return connection;
}

core::Result<std::size_t> Connection::send(core::ByteView bytes) {
  if (easy_) {
    std::size_t sent = 0;
    const CURLcode code = curl_easy_send(easy_.get(), bytes.data(), bytes.size(), &sent);
    if (code != CURLE_OK && code != CURLE_AGAIN) {
      return broken(code);
    }
    return sent;
  }
  return sent_by(
      [&] { return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT); });
}

core::Result<std::size_t> Connection::send(std::span<const core::ByteView> pieces) {
  if (easy_) {
    return send(pieces.front());
  }
  std::array<iovec, kMostPieces> vector{};
  const std::size_t count = std::min(pieces.size(), vector.size());
  for (std::size_t i = 0; i < count; ++i) {
    vector[i] = {const_cast<std::byte*>(pieces[i].data()), pieces[i].size()};
  }
  msghdr message{};
  message.msg_iov = vector.data();
  message.msg_iovlen = count;
  return sent_by([&] { return ::sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT); });
}

core::Result<std::size_t> Connection::send_file(int fd, std::uint64_t offset, std::size_t size) {
  auto at = static_cast<off_t>(offset);
  for (;;) {
    const ssize_t sent = ::sendfile(socket_, fd, &at, size);
    if (sent > 0) {
      return static_cast<std::size_t>(sent);
    }
    if (sent == 0) {
      return core::fail(ErrorKind::Io, "what is to be sent ended early");
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return std::size_t{0};
    }
    if (errno != EINTR) {
      return broken(errno, "send");
    }
  }
}

bool Connection::silent() {
  std::byte said{};
  const auto received = receive({&said, 1});
  return received && !*received;
}

core::Result<std::optional<std::size_t>> Connection::receive(std::span<std::byte> buffer) {
  if (easy_) {
    std::size_t received = 0;
    const CURLcode code = curl_easy_recv(easy_.get(), buffer.data(), buffer.size(), &received);
    if (code == CURLE_AGAIN) {
      return std::optional<std::size_t>();
    }
    if (code != CURLE_OK) {
      return broken(code);
    }
    return std::optional(received);
  }
  for (;;) {
    const ssize_t received = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (received >= 0) {
      return std::optional(static_cast<std::size_t>(received));
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return std::optional<std::size_t>();
    }
    if (errno != EINTR) {
      return broken(errno, "receive");
    }
  }
}

}  // namespace curl
