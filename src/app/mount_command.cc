#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>

#include "app/background.h"
#include "app/commands.h"
#include "app/daemon.h"
#include "app/exit_code.h"
#include "core/format.h"
#include "core/log.h"
#include "http/message.h"
#include "ops/signals.h"

namespace app {
namespace {

/// They go to one thread. SIGHUP is a lost terminal, where there is one.
constexpr std::initializer_list<int> kSignals = {SIGTERM, SIGINT, SIGHUP};

/// What is allowed and still worth a word on the terminal.
void warn(const options::Values& values, const MountSettings& settings) {
  for (const std::string& ignored : values.ignored()) {
    std::fputs(core::format("stsfs: warning: {}\n", ignored).c_str(), stderr);
  }
  for (const auto* origin :
       {&settings.service.store.endpoint,
        settings.service.source.role.role_arn.empty() ? nullptr : &settings.service.source.sts}) {
    if (origin != nullptr && origin->scheme == "http" && !http::is_loopback(origin->host)) {
      std::fputs(core::format("stsfs: warning: {} is plain http: whoever sees the traffic can use "
                              "the session's token while it lives\n",
                              origin->authority())
                     .c_str(),
                 stderr);
    }
  }
}

/// Each file that is written takes a descriptor, and the soft limit is for programs that select().
void raise_descriptor_limit() {
  constexpr rlim_t kEnough = rlim_t{1} << 20U;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, kEnough));
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int serve(MountSettings settings, const options::Environment& environment, Background* background) {
  std::signal(SIGPIPE, SIG_IGN);
  if (auto blocked = ops::block_signals(kSignals); !blocked) {
    return refuse(Exit::Failure, blocked.error());
  }
  raise_descriptor_limit();
  const bool foreground = background == nullptr;
  Daemon daemon(std::move(settings), environment);
  const auto signals = ops::SignalThread::start(kSignals, [&](int signal) {
    if (signal != SIGHUP || foreground) {
      daemon.stop();
    }
  });
  if (!signals) {
    return refuse(Exit::Failure, signals.error());
  }
  if (const auto refused = daemon.open()) {
    core::log(core::LogLevel::Error, "mount.refused", {{"error", core::describe(refused->error)}});
    return refused->error.kind == core::ErrorKind::Cancelled
               ? refuse(Exit::Failure, "interrupted; nothing is mounted")
               : refuse(refused->exit, refused->error);
  }
  if (!foreground) {
    if (const auto ready = background->ready(); !ready) {
      core::log(core::LogLevel::Error, "mount.unwanted",
                {{"error", core::describe(ready.error())}});
      daemon.stop();
    }
  }
  return daemon.run();
}

}  // namespace

int run_mount(const Invocation& invocation, const options::Environment& environment) {
  auto settings = mount_settings(invocation.values, environment);
  if (!settings) {
    return refuse(Exit::Usage, settings.error());
  }
  if (invocation.pretend) {
    return static_cast<int>(Exit::Ok);
  }
  warn(invocation.values, *settings);
  const bool foreground = settings->foreground;
  std::optional<Background> background;
  if (!foreground) {
    auto started = Background::start();
    if (!started) {
      return refuse(Exit::Failure, started.error());
    }
    if (const auto exit_code = started->exit_code()) {
      return *exit_code;
    }
    background = *std::move(started);
  }
  if (auto opened = open_log(invocation.values, !foreground); !opened) {
    return refuse(Exit::Usage, opened.error());
  }
  return serve(*std::move(settings), environment, background ? &*background : nullptr);
}

}  // namespace app
