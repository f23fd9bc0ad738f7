#pragma once
#include <optional>

#include "core/result.h"
#include "core/unique_fd.h"

namespace app {

/// A daemon that splits off before it starts, so that threads come after the fork, and lets its
/// parent go only when the start is over: until then errors reach the caller's terminal and exit
/// code.
/// Threads: the process's only one.
class Background {
 public:
  /// Forks. In the parent it returns once the daemon is ready or has ended, with the exit code to
  /// leave with; in the daemon at once, without one.
  static core::Result<Background> start();

  [[nodiscard]] std::optional<int> exit_code() const { return exit_code_; }
  /// In the daemon: lets the parent end with 0, and lets go of the terminal.
  /// Errors: the parent is gone; nobody wants this mount any more.
  core::Status ready();

 private:
  core::UniqueFd ready_;
  std::optional<int> exit_code_;
};

}  // namespace app
