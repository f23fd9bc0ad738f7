#include "app/places.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>

#include "app/private_directory.h"
#include "core/digest.h"
#include "core/format.h"
#include "core/os_error.h"
#include "core/text.h"
#include "fuse/fusermount.h"
#include "ops/control.h"

namespace app {
namespace {

constexpr std::string_view kType = "fuse.stsfs";

/// The kernel writes blanks and the like as \040.
std::string decode_octal(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      const auto digit = [&](std::size_t at) { return text[i + at] - '0'; };
      out.push_back(static_cast<char>(digit(1) * 64 + digit(2) * 8 + digit(3)));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

core::Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> resolved(::realpath(path.c_str(), nullptr),
                                                          &::free);
  if (!resolved) {
    return core::os_error(errno, path);
  }
  return std::string(resolved.get());
}

/// The first of what $STATE_DIRECTORY or $RUNTIME_DIRECTORY lists.
std::string first_of(const std::string& list) { return list.substr(0, list.find(':')); }

std::string user_runtime_directory(uid_t uid) { return core::format("/run/user/{}/stsfs", uid); }

}  // namespace

std::vector<MountRow> our_mounts(std::string_view mountinfo) {
  // 36 35 98:0 /root /mount/point options [optional fields] - type source super-options
  std::vector<MountRow> rows;
  for (const auto line : core::split(mountinfo, '\n')) {
    const auto fields = core::split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 5 || fields.end() - dash < 4 || *(dash + 1) != kType) {
      continue;
    }
    MountRow row{decode_octal(fields[4]), decode_octal(*(dash + 2)), 0};
    for (const auto option : core::split(*(dash + 3), ',')) {
      constexpr std::string_view kUser = "user_id=";
      if (option.starts_with(kUser)) {
        row.owner = static_cast<uid_t>(
            std::strtoul(std::string(option.substr(kUser.size())).c_str(), nullptr, 10));
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

core::Result<std::string> read_mountinfo() {
  std::ifstream file("/proc/self/mountinfo", std::ios::binary);
  if (!file) {
    return core::os_error(errno, "/proc/self/mountinfo");
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

core::Result<std::string> resolve_mount_point(const std::string& path) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') {
    trimmed.pop_back();
  }
  const auto slash = trimmed.rfind('/');
  const std::string name = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
  // readlink asks the kernel's own tables only; lstat would ask the daemon.
  std::array<char, PATH_MAX> target;
  if (name.empty() || name == "." || name == ".." ||
      ::readlink(trimmed.c_str(), target.data(), target.size()) >= 0) {
    return real_path(trimmed);
  }
  TRY_ASSIGN(const std::string parent,
             real_path(slash == std::string::npos ? "." : trimmed.substr(0, slash + 1)));
  return parent == "/" ? '/' + name : parent + '/' + name;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') {
    return "localhost";
  }
  return name.data();
}

std::string home_directory(const options::Environment& environment) {
  std::string home = environment.get("HOME");
  if (home.empty()) {
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> buffer{};
    if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
        found != nullptr) {
      home = found->pw_dir;
    }
  }
  return home;
}

std::string runtime_directory(std::string_view told, const options::Environment& environment) {
  if (!told.empty()) {
    return std::string(told);
  }
  if (const std::string given = environment.get("RUNTIME_DIRECTORY"); !given.empty()) {
    return first_of(given);
  }
  if (::geteuid() == 0) {
    return "/run/stsfs";
  }
  const std::string mine = environment.get("XDG_RUNTIME_DIR");
  return mine.empty() ? user_runtime_directory(::geteuid()) : mine + "/stsfs";
}

std::vector<std::string> control_sockets(const std::string& mount_point, uid_t owner,
                                         std::string_view told,
                                         const options::Environment& environment) {
  std::vector<std::string> paths = {
      ops::control_path(runtime_directory(told, environment), mount_point)};
  if (told.empty()) {
    paths.push_back(ops::control_path("/run/stsfs", mount_point));
    paths.push_back(ops::control_path(user_runtime_directory(owner), mount_point));
  }
  return paths;
}

core::Result<StateDirectory> open_state_directory(std::string_view told,
                                                  const std::string& mount_point,
                                                  const options::Environment& environment) {
  std::string base(told);
  if (base.empty()) {
    base = first_of(environment.get("STATE_DIRECTORY"));
  }
  if (base.empty() && ::geteuid() == 0) {
    base = "/var/lib/stsfs";
  }
  if (base.empty()) {
    const std::string home = environment.get("HOME");
    if (home.empty()) {
      return core::fail(core::ErrorKind::InvalidArgument,
                        "no home directory to keep state in: set --state-dir");
    }
    base = home + "/.local/state/stsfs";
  }
  StateDirectory state;
  state.path = base + '/' + core::hex(core::sha256(mount_point)).substr(0, 16);
  TRY(make_private_directory(state.path));
  const std::string lock = state.path + "/lock";
  state.lock.reset(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!state.lock.valid()) {
    return core::os_error(errno, lock);
  }
  if (::flock(state.lock.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno == EWOULDBLOCK) {
      return core::fail(core::ErrorKind::Busy,
                        core::format("another stsfs works for {}: it holds {}", mount_point, lock));
    }
    return core::os_error(errno, lock);
  }
  return state;
}

core::Status detach(const std::string& mount_point, bool lazy) {
  if (::geteuid() != 0) {
    return fuse::unmount_by_helper(mount_point, lazy);
  }
  if (::umount2(mount_point.c_str(), UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) < 0) {
    return core::os_error(errno, "unmount " + mount_point);
  }
  return {};
}

}  // namespace app
