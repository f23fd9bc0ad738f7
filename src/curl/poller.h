#pragma once
#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <span>

#include "core/result.h"
#include "core/unique_fd.h"

namespace curl {

/// What the thread of a loop waits on: sockets, and a bell that others ring. What a wait costs does
/// not grow with the sockets that are silent.
/// Threads: the loop's; ring() any.
class Poller {
 public:
  static core::Result<Poller> open();

  /// Ends a wait, also the next one.
  void ring() const;
  /// From now on waits end for `events` (EPOLLIN, EPOLLOUT) of that socket, and for its errors.
  void watch(int socket, std::uint32_t events) const;
  /// No wait ends for that socket's data until watch(). False: it is none of those that are
  /// watched, or is closed already.
  [[nodiscard]] bool pause(int socket) const;
  /// Also of a socket that is closed already.
  void forget(int socket) const;
  /// Shape: what has happened, without the bell; until the next call.
  std::span<const epoll_event> wait(std::chrono::milliseconds longest);

 private:
  Poller(core::UniqueFd set, core::UniqueFd bell) : set_(std::move(set)), bell_(std::move(bell)) {}

  core::UniqueFd set_;
  core::UniqueFd bell_;
  std::array<epoll_event, 64> events_{};
};

}  // namespace curl
