#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/time.h"

namespace ops {

/// The service manager's ear, or nobody's.
/// Threads: any.
/// Source: sd_notify(3), the protocol part.
class Notifier {
 public:
  /// `socket` as $NOTIFY_SOCKET says it: a path, or '@' and an abstract name; empty: nobody
  /// listens.
  explicit Notifier(std::string socket) : socket_(std::move(socket)) {}

  [[nodiscard]] bool listening() const { return !socket_.empty(); }
  core::Status ready(std::string_view status) const;
  core::Status status(std::string_view status) const;
  core::Status stopping(std::string_view status) const;
  core::Status watchdog() const;

 private:
  core::Status send(const std::string& message) const;
  std::string socket_;
};

/// How often to call Notifier::watchdog: half of what $WATCHDOG_USEC says, if $WATCHDOG_PID (empty:
/// anybody) means us.
std::optional<core::Duration> watchdog_interval(std::string_view usec, std::string_view pid,
                                                pid_t self);

}  // namespace ops
