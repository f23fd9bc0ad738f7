#include "emulator/wire/link.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <boost/asio/ssl.hpp>
#include <cerrno>
#include <chrono>

namespace emulator {
namespace {

constexpr auto kResult = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kYieldBytes = std::size_t{1} << 20U;  // then others have their turn
constexpr std::uint64_t kSendfileBytes = 256U << 10U;
constexpr std::size_t kMostPieces = 64;

}  // namespace

struct Link::Tls {
  Tls(tcp::socket& socket, asio::ssl::context& context) : stream(socket, context) {}
  asio::ssl::stream<tcp::socket&> stream;
  std::vector<std::byte> buffer;
};

Link::Link(tcp::socket socket, asio::ssl::context* tls, const std::uint64_t& tick)
    : socket_(std::move(socket)), tick_(tick), active_(tick) {
  boost::system::error_code ignored;  // a connection that is gone already fails at its first read
  socket_.native_non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  if (tls != nullptr) {
    tls_ = std::make_unique<Tls>(socket_, *tls);
  }
}

Link::~Link() = default;

std::string Link::peer() const {
  boost::system::error_code failed;
  const tcp::endpoint endpoint = socket_.remote_endpoint(failed);
  return failed ? std::string() : endpoint.address().to_string();
}

awaitable<bool> Link::handshake() {
  if (!tls_) {
    co_return true;
  }
  const auto [failed] =
      co_await tls_->stream.async_handshake(asio::ssl::stream_base::server, kResult);
  co_return !failed;
}

/// A native loop would starve the other connections of this thread.
awaitable<void> Link::moved(std::size_t n) {
  touch();
  since_yield_ += n;
  if (since_yield_ >= kYieldBytes) {
    since_yield_ = 0;
    co_await asio::post(asio::use_awaitable);
  }
}

awaitable<bool> Link::ready(tcp::socket::wait_type what) {
  const auto [failed] = co_await socket_.async_wait(what, kResult);
  co_return !failed;
}

awaitable<std::size_t> Link::read_some(std::span<std::byte> into) {
  if (tls_) {
    const auto [failed, n] =
        co_await tls_->stream.async_read_some(asio::buffer(into.data(), into.size()), kResult);
    if (failed) {
      co_return 0;
    }
    co_await moved(n);
    co_return n;
  }
  for (;;) {
    const ssize_t n = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
    if (n >= 0) {
      if (n > 0) {
        co_await moved(static_cast<std::size_t>(n));
      }
      co_return static_cast<std::size_t>(n);
    }
    if (errno == EINTR) {
      continue;
    }
    if (errno != EAGAIN) {
      co_return 0;
    }
    const bool go_on = co_await ready(tcp::socket::wait_read);
    if (!go_on) {
      co_return 0;
    }
  }
}

awaitable<bool> Link::write(std::vector<core::ByteView> pieces) {
  if (tls_) {
    for (const core::ByteView piece : pieces) {
      const auto [failed, n] = co_await asio::async_write(
          tls_->stream, asio::buffer(piece.data(), piece.size()), kResult);
      if (failed) {
        co_return false;
      }
      co_await moved(n);
    }
    co_return true;
  }
  std::size_t next = 0;
  while (next < pieces.size()) {
    std::array<iovec, kMostPieces> vectors{};
    std::size_t count = 0;
    for (std::size_t i = next; i < pieces.size() && count < vectors.size(); ++i) {
      vectors[count++] = {const_cast<std::byte*>(pieces[i].data()), pieces[i].size()};
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) {
        continue;
      }
      if (errno != EAGAIN) {
        co_return false;
      }
      const bool go_on = co_await ready(tcp::socket::wait_write);
      if (!go_on) {
        co_return false;
      }
      continue;
    }
    auto left = static_cast<std::size_t>(sent);
    while (next < pieces.size() && left >= pieces[next].size()) {
      left -= pieces[next].size();
      ++next;
    }
    if (next < pieces.size()) {
      pieces[next] = pieces[next].subspan(left);
    }
    co_await moved(static_cast<std::size_t>(sent));
  }
  co_return true;
}

awaitable<bool> Link::send_file(int fd, std::uint64_t offset, std::uint64_t length) {
  auto at = static_cast<off_t>(offset);
  while (length > 0) {
    const auto step = static_cast<std::size_t>(std::min(length, kSendfileBytes));
    if (tls_) {
      tls_->buffer.resize(kSendfileBytes);
      const ssize_t n = ::pread(fd, tls_->buffer.data(), step, at);
      if (n <= 0) {
        co_return false;
      }
      std::vector<core::ByteView> one;
      one.emplace_back(tls_->buffer.data(), static_cast<std::size_t>(n));
      const bool written = co_await write(std::move(one));
      if (!written) {
        co_return false;
      }
      at += n;
      length -= static_cast<std::uint64_t>(n);
      continue;
    }
    const ssize_t n = ::sendfile(socket_.native_handle(), fd, &at, step);
    if (n > 0) {
      length -= static_cast<std::uint64_t>(n);
      co_await moved(static_cast<std::size_t>(n));
      continue;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      co_return false;  // the file is shorter than its record, or the connection broke
    }
    const bool go_on = co_await ready(tcp::socket::wait_write);
    if (!go_on) {
      co_return false;
    }
  }
  co_return true;
}

bool Link::peer_left() {
  pollfd state{socket_.native_handle(), POLLRDHUP, 0};
  return ::poll(&state, 1, 0) != 0 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

awaitable<void> Link::reset_after_sending() {
  // A reset discards what the kernel has not sent yet: let that go out first.
  asio::steady_timer timer(socket_.get_executor());
  for (int i = 0; i < 100; ++i) {
    int unsent = 0;
    if (::ioctl(socket_.native_handle(), SIOCOUTQ, &unsent) != 0 || unsent == 0) {
      break;
    }
    timer.expires_after(std::chrono::milliseconds(10));
    const auto [failed] = co_await timer.async_wait(kResult);
    if (failed) {
      break;
    }
  }
  boost::system::error_code ignored;  // it ends here either way
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

void Link::shut_down() { ::shutdown(socket_.native_handle(), SHUT_RDWR); }

awaitable<void> Link::linger() {
  ::shutdown(socket_.native_handle(), SHUT_WR);
  std::vector<std::byte> rest(std::size_t{64} << 10U);
  for (std::size_t total = 0; total < (std::size_t{256} << 20U);) {
    const ssize_t n = ::recv(socket_.native_handle(), rest.data(), rest.size(), 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
      co_return;
    }
    if (n > 0) {
      total += static_cast<std::size_t>(n);
      co_await moved(static_cast<std::size_t>(n));
      continue;
    }
    const bool go_on = co_await ready(tcp::socket::wait_read);
    if (!go_on) {
      co_return;
    }
  }
}

}  // namespace emulator
