#include "support/raw_server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "core/check.h"

namespace test {

std::string RawServer::Connection::read_head() {
  for (;;) {
    if (const auto end = buffer_.find("\r\n\r\n"); end != std::string::npos) {
      std::string head = buffer_.substr(0, end + 4);
      buffer_.erase(0, end + 4);
      return head;
    }
    std::array<char, 4096> piece{};
    const ssize_t count = ::recv(fd_, piece.data(), piece.size(), 0);
    if (count <= 0) {
      return {};
    }
    buffer_.append(piece.data(), static_cast<std::size_t>(count));
  }
}

std::string RawServer::Connection::read_exact(std::size_t count) {
  std::array<char, 65536> piece{};
  while (buffer_.size() < count) {
    const ssize_t got = ::recv(fd_, piece.data(), piece.size(), 0);
    if (got <= 0) {
      break;
    }
    buffer_.append(piece.data(), static_cast<std::size_t>(got));
  }
  std::string out = buffer_.substr(0, count);
  buffer_.erase(0, out.size());
  return out;
}

bool RawServer::Connection::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void RawServer::Connection::reset() const {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

void RawServer::Connection::wait_closed() {
  std::array<char, 4096> piece{};
  while (::recv(fd_, piece.data(), piece.size(), 0) > 0) {
  }
}

RawServer::RawServer(Serve serve)
    : serve_(std::move(serve)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  CORE_CHECK(::bind(listener_.get(), generic, length) == 0);
  CORE_CHECK(::listen(listener_.get(), 512) == 0);
  CORE_CHECK(::getsockname(listener_.get(), generic, &length) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

RawServer::~RawServer() {
  std::vector<std::thread> threads;
  {
    const core::MutexLock lock(mutex_);
    ending_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    for (const int fd : open_) {
      ::shutdown(fd, SHUT_RDWR);
    }
    threads.swap(threads_);
  }
  acceptor_.join();
  for (auto& thread : threads) {
    thread.join();
  }
}

http::Origin RawServer::origin() const { return {"http", "127.0.0.1", port_}; }

void RawServer::accept_all() {
  for (;;) {
    core::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const core::MutexLock lock(mutex_);
    if (ending_ || !fd.valid()) {
      return;
    }
    open_.push_back(fd.get());
    threads_.emplace_back([this, raw = fd.release(), number = connections_++] {
      core::UniqueFd owned(raw);
      Connection connection(raw, number);
      serve_(connection);
      const core::MutexLock guard(mutex_);
      std::erase(open_, raw);
      owned.reset();  // under the lock: the number must not be shut down once it is another's
    });
  }
}

}  // namespace test
