#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/places.h"
#include "core/format.h"
#include "ops/control.h"

namespace app {
namespace {

core::Result<std::string> ask(const MountRow& row, const options::Values& values,
                              const options::Environment& environment) {
  core::Error last;
  for (const std::string& path :
       control_sockets(row.mount_point, row.owner, values.text("runtime-dir"), environment)) {
    auto answer = ops::ControlClient(path).status();
    if (answer) {
      return answer;
    }
    if (last.kind != core::ErrorKind::Denied) {
      last = std::move(answer).error();
    }
  }
  return last;
}

/// Prints the state of these mounts once.
int show(const std::vector<MountRow>& rows, const options::Values& values,
         const options::Environment& environment) {
  int exit = static_cast<int>(Exit::Ok);
  for (const MountRow& row : rows) {
    const auto answer = ask(row, values, environment);
    if (!answer) {
      exit = refuse(Exit::Failure,
                    core::format("the daemon of {} does not answer: {}", row.mount_point,
                                 core::describe(answer.error())),
                    core::format("if it has ended, `stsfs umount {}` frees the mount point",
                                 row.mount_point));
      continue;
    }
    if (values.flag("json")) {
      std::fputs((*answer + '\n').c_str(), stdout);
      continue;
    }
    const auto status = ops::parse_status(*answer);
    if (!status) {
      exit = refuse(Exit::Failure, status.error());
      continue;
    }
    std::fputs(ops::describe(*status).c_str(), stdout);
  }
  std::fflush(stdout);
  return exit;
}

}  // namespace

int run_status(const options::Values& values, const options::Environment& environment) {
  std::string wanted = values.text("mountpoint");
  if (!wanted.empty()) {
    auto resolved = resolve_mount_point(wanted);
    if (!resolved) {
      return refuse(Exit::MountPoint, resolved.error());
    }
    wanted = *std::move(resolved);
  }
  for (;;) {
    const auto mountinfo = read_mountinfo();
    if (!mountinfo) {
      return refuse(Exit::Failure, mountinfo.error());
    }
    std::vector<MountRow> rows = our_mounts(*mountinfo);
    if (!wanted.empty()) {
      std::erase_if(rows, [&](const MountRow& row) { return row.mount_point != wanted; });
    }
    if (rows.empty()) {
      return wanted.empty() ? refuse(Exit::Ok, "nothing is mounted")
                            : refuse(Exit::MountPoint,
                                     core::format("nothing of stsfs is mounted at {}", wanted));
    }
    if (!values.flag("watch")) {
      return show(rows, values, environment);
    }
    if (!values.flag("json")) {
      std::fputs("\x1b[H\x1b[2J", stdout);
    }
    if (const int exit = show(rows, values, environment); exit != 0) {
      return exit;
    }
    std::this_thread::sleep_for(std::chrono::seconds{1});
  }
}

}  // namespace app
