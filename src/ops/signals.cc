#include "ops/signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "core/os_error.h"
#include "core/thread_pool.h"

namespace ops {
namespace {

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) {
    sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

core::Status block_signals(std::initializer_list<int> signals) {
  const sigset_t set = set_of(signals);
  if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
    return core::os_error(error, "block signals");
  }
  return {};
}

core::Result<std::unique_ptr<SignalThread>> SignalThread::start(std::initializer_list<int> signals,
                                                                std::function<void(int)> handler) {
  const sigset_t set = set_of(signals);
  core::UniqueFd source(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  core::UniqueFd wake(::eventfd(0, EFD_CLOEXEC));
  if (!source.valid() || !wake.valid()) {
    return core::os_error(errno, "open a signal descriptor");
  }
  return std::unique_ptr<SignalThread>(
      new SignalThread(std::move(source), std::move(wake), std::move(handler)));
}

SignalThread::SignalThread(core::UniqueFd signals, core::UniqueFd wake,
                           std::function<void(int)> handler)
    : signals_(std::move(signals)),
      wake_(std::move(wake)),
      handler_(std::move(handler)),
      thread_([this] { run(); }) {}

SignalThread::~SignalThread() {
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

void SignalThread::run() {
  core::name_this_thread("signals");
  for (;;) {
    std::array<pollfd, 2> fds = {{{signals_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
      return;
    }
    if (fds[1].revents != 0) {
      return;
    }
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      handler_(static_cast<int>(info.ssi_signo));
    }
  }
}

}  // namespace ops
