#include "curl/poller.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>

#include "core/check.h"
#include "core/os_error.h"

namespace curl {

core::Result<Poller> Poller::open() {
  core::UniqueFd set(::epoll_create1(EPOLL_CLOEXEC));
  core::UniqueFd bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!set.valid() || !bell.valid()) {
    return core::os_error(errno, "the network's thread cannot wait");
  }
  Poller poller(std::move(set), std::move(bell));
  poller.watch(poller.bell_.get(), EPOLLIN);
  return poller;
}

void Poller::ring() const { ::eventfd_write(bell_.get(), 1); }

void Poller::watch(int socket, std::uint32_t events) const {
  epoll_event wanted{};
  wanted.events = events;
  wanted.data.fd = socket;
  if (::epoll_ctl(set_.get(), EPOLL_CTL_MOD, socket, &wanted) != 0) {
    CORE_CHECK(errno == ENOENT && ::epoll_ctl(set_.get(), EPOLL_CTL_ADD, socket, &wanted) == 0);
  }
}

bool Poller::pause(int socket) const {
  epoll_event nothing{};
  nothing.data.fd = socket;
  return ::epoll_ctl(set_.get(), EPOLL_CTL_MOD, socket, &nothing) == 0;
}

void Poller::forget(int socket) const { ::epoll_ctl(set_.get(), EPOLL_CTL_DEL, socket, nullptr); }

std::span<const epoll_event> Poller::wait(std::chrono::milliseconds longest) {
  const int count = ::epoll_wait(set_.get(), events_.data(), static_cast<int>(events_.size()),
                                 static_cast<int>(longest.count()));
  CORE_CHECK(count >= 0 || errno == EINTR);
  const auto happened = std::span(events_).first(static_cast<std::size_t>(std::max(count, 0)));
  const auto end = std::remove_if(happened.begin(), happened.end(), [this](const epoll_event& one) {
    if (one.data.fd != bell_.get()) {
      return false;
    }
    eventfd_t rung = 0;
    ::eventfd_read(bell_.get(), &rung);
    return true;
  });
  return happened.first(static_cast<std::size_t>(end - happened.begin()));
}

}  // namespace curl
