#include "app/background.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "app/exit_code.h"
#include "core/os_error.h"

namespace app {
namespace {

int wait_for(pid_t daemon, int pipe) {
  char byte = 0;
  ssize_t got = 0;
  do {
    got = ::read(pipe, &byte, 1);
  } while (got < 0 && errno == EINTR);
  if (got == 1) {
    return static_cast<int>(Exit::Ok);
  }
  int status = 0;
  while (::waitpid(daemon, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
    return WEXITSTATUS(status);  // it has said why
  }
  return refuse(Exit::Failure, "the daemon ended before the mount answered",
                "-f keeps it in the foreground, where more can be seen");
}

}  // namespace

core::Result<Background> Background::start() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) {
    return core::os_error(errno, "make a pipe");
  }
  core::UniqueFd read_end(ends[0]);
  Background background;
  background.ready_.reset(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t daemon = ::fork();
  if (daemon < 0) {
    return core::os_error(errno, "fork");
  }
  if (daemon > 0) {
    background.ready_.reset();
    background.exit_code_ = wait_for(daemon, read_end.get());
    return background;
  }
  // A caller who gives up waiting (Ctrl-C) must not be left with a mount he did not see.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) {
    ::raise(SIGTERM);
  }
  ::setsid();
  return background;
}

core::Status Background::ready() {
  ::prctl(PR_SET_PDEATHSIG, 0);
  const core::UniqueFd nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nowhere.valid() || ::chdir("/") < 0) {
    return core::os_error(errno, "leave the terminal");
  }
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    ::dup2(nowhere.get(), stream);
  }
  const char byte = 1;
  if (::write(ready_.get(), &byte, 1) != 1) {
    return core::os_error(errno, "tell whoever waits");
  }
  ready_.reset();
  return {};
}

}  // namespace app
