#include <unistd.h>

#include <cstdio>

#include "app/commands.h"
#include "app/daemon.h"
#include "app/exit_code.h"
#include "app/places.h"
#include "app/recover.h"
#include "app/settings.h"
#include "core/format.h"
#include "core/log.h"

namespace app {
namespace {

int list_or_export(const MountSettings& settings, const options::Values& values,
                   const options::Environment& environment) {
  const auto state = open_state_directory(settings.state_dir, settings.mount_point, environment);
  if (!state) {
    const bool busy = state.error().kind == core::ErrorKind::Busy;
    return refuse(busy ? Exit::MountPoint : Exit::Usage, state.error());
  }
  core::Metrics metrics;
  const auto journal =
      state::Journal::open(state->path + "/journal.db", journal_identity(settings), metrics);
  if (!journal) {
    return refuse(Exit::Usage, journal.error());
  }
  const auto& files = (*journal)->found().files;
  const std::string target = values.text("export");
  if (target.empty()) {
    std::fputs(describe(files).c_str(), stdout);
    std::fputs(core::format("{} files are not uploaded\n", files.size()).c_str(), stdout);
    return static_cast<int>(Exit::Ok);
  }
  const auto exported =
      export_files(**journal, state->path + "/data", settings.files.prefix, target);
  auto exit = Exit::Ok;
  for (const auto& [key, error] : exported.failures) {
    refuse(Exit::Failure, key + ": " + core::describe(error));
    exit = Exit::Failure;
  }
  std::fputs(core::format("{} files are in {}; the journal has them still\n",
                          exported.written.size(), target)
                 .c_str(),
             stdout);
  return static_cast<int>(exit);
}

}  // namespace

int run_recover(const options::Values& values, const options::Environment& environment) {
  if (auto opened = open_log(values, false); !opened) {
    return refuse(Exit::Usage, opened.error());
  }
  if (!values.given("log-level")) {
    core::set_log_level(core::LogLevel::Warn);
  }
  auto settings = mount_settings(values, environment);
  if (!settings) {
    return refuse(Exit::Usage, settings.error());
  }
  auto mount_point = resolve_mount_point(settings->mount_point);
  if (!mount_point) {
    return refuse(Exit::MountPoint, mount_point.error());
  }
  settings->mount_point = *std::move(mount_point);
  if (!values.flag("upload")) {
    return list_or_export(*settings, values, environment);
  }
  Daemon daemon(*std::move(settings), environment);
  if (const auto refused = daemon.recover()) {
    return refuse(refused->exit, refused->error);
  }
  return static_cast<int>(Exit::Ok);
}

}  // namespace app
