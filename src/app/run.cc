#include <malloc.h>
#include <sys/prctl.h>

#include <cstdio>
#include <utility>

#include "app/commands.h"
#include "app/exit_code.h"
#include "core/log.h"

namespace app {

void forbid_dumps() { ::prctl(PR_SET_DUMPABLE, 0); }

namespace {

/// A page of a listing is a few megabytes for a moment. Given back to the system each time and
/// taken anew, they cost more than what is done with them: a tenth of what `ls` costs. Source:
/// mallopt(3).
void keep_freed_memory_at_hand() {
  constexpr int kTrimAbove = 16 << 20;
  ::mallopt(M_TRIM_THRESHOLD, kTrimAbove);
  ::mallopt(M_TOP_PAD, 1 << 20);
  ::mallopt(M_ARENA_MAX, 4);
}

}  // namespace

core::Status open_log(const options::Values& values, bool background) {
  const auto level = core::parse_log_level(values.text("log-level"));
  const std::string file = values.text("log-file");
  const auto target = !file.empty() ? core::LogTarget::File
                      : background  ? core::LogTarget::Syslog
                                    : core::LogTarget::Stderr;
  return core::open_log(level.value_or(core::LogLevel::Info), target, file);
}

int run(const std::vector<std::string>& arguments) {
  // Before anything secret is read.
  forbid_dumps();
  keep_freed_memory_at_hand();
  const options::Environment environment = options::Environment::take();
  const auto invocation = parse_command_line(arguments, environment);
  if (!invocation) {
    return refuse(Exit::Usage, invocation.error());
  }
  if (invocation->answer) {
    std::fputs(invocation->answer->c_str(), stdout);
    return static_cast<int>(Exit::Ok);
  }
  switch (invocation->command) {
    case kMount:
      return run_mount(*invocation, environment);
    case kUmount:
      return run_umount(invocation->values, environment);
    case kStatus:
      return run_status(invocation->values, environment);
    case kWhoami:
      return run_whoami(invocation->values, environment);
    case kEmulator:
      return run_emulator(invocation->values);
    case kPolicy:
      return run_policy(invocation->values, environment);
    case kSignUrl:
      return run_sign_url(invocation->values, environment);
    case kRecover:
      return run_recover(invocation->values, environment);
    case kDoctor:
      return run_doctor(invocation->values, environment);
  }
  return static_cast<int>(Exit::Usage);
}

}  // namespace app
