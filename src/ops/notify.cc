#include "ops/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "core/os_error.h"
#include "core/unique_fd.h"

namespace ops {

core::Status Notifier::ready(std::string_view status) const {
  return send("READY=1\nSTATUS=" + std::string(status));
}
core::Status Notifier::status(std::string_view status) const {
  return send("STATUS=" + std::string(status));
}
core::Status Notifier::stopping(std::string_view status) const {
  return send("STOPPING=1\nSTATUS=" + std::string(status));
}
core::Status Notifier::watchdog() const { return send("WATCHDOG=1"); }

core::Status Notifier::send(const std::string& message) const {
  if (!listening()) {
    return {};
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.size() >= sizeof address.sun_path) {
    return core::fail(core::ErrorKind::InvalidArgument, "NOTIFY_SOCKET is too long");
  }
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_.front() == '@') {
    address.sun_path[0] = '\0';  // an abstract name
  }
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const core::UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() || ::sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&address), size) < 0) {
    return core::os_error(errno, "notify the service manager");
  }
  return {};
}

std::optional<core::Duration> watchdog_interval(std::string_view usec, std::string_view pid,
                                                pid_t self) {
  const auto number = [](std::string_view text) -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
      return std::nullopt;
    }
    return value;
  };
  const auto period = number(usec);
  if (!period || *period <= 0 || (!pid.empty() && number(pid) != self)) {
    return std::nullopt;
  }
  return std::chrono::microseconds{*period} / 2;
}

}  // namespace ops
