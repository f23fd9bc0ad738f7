#include "fuse/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "core/format.h"
#include "core/log.h"
#include "core/os_error.h"
#include "core/text.h"
#include "fuse/fusermount.h"

namespace fuse {
namespace {

using core::ErrorKind;
using core::fail;

constexpr const char* kDevice = "/dev/fuse";
constexpr const char* kSubtype = "stsfs";
constexpr const char* kType = "fuse.stsfs";

std::string read_text(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

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

core::Error mount_point_error(int errnum, const std::string& mount_point) {
  switch (errnum) {
    case ENOENT:
      return fail(ErrorKind::NotFound,
                  core::format("mount point {} does not exist; create it: mkdir -p {}", mount_point,
                               mount_point));
    case ENOTCONN:
      return fail(ErrorKind::Busy,
                  core::format("a mount whose daemon has ended is left at {}; remove it: stsfs "
                               "umount {}",
                               mount_point, mount_point));
    default:
      return core::os_error(errnum, core::format("mount point {}", mount_point));
  }
}

core::Result<core::UniqueFd> mount_by_hand(const MountOptions& options, const std::string& path) {
  core::UniqueFd device(::open(kDevice, O_RDWR | O_CLOEXEC));
  if (!device.valid()) {
    switch (errno) {
      case ENOENT:
      case ENODEV:
      case ENXIO:
        return fail(ErrorKind::NotFound,
                    "/dev/fuse is missing: load the kernel module (modprobe fuse); in a container, "
                    "start it with --device /dev/fuse");
      case EACCES:
      case EPERM:
        return fail(ErrorKind::Denied,
                    "/dev/fuse may not be opened; in a container, start it with --device /dev/fuse "
                    "and the capability SYS_ADMIN");
      default:
        return core::os_error(errno, kDevice);
    }
  }
  std::string data = core::format("fd={},rootmode=40000,user_id={},group_id={},default_permissions",
                                  device.get(), ::getuid(), ::getgid());
  if (options.allow_other) {
    data += ",allow_other";
  }
  unsigned long flags = MS_NOSUID | MS_NODEV;
  if (options.read_only) {
    flags |= MS_RDONLY;
  }
  if (options.no_exec) {
    flags |= MS_NOEXEC;
  }
  if (::mount(options.source.c_str(), path.c_str(), kType, flags, data.c_str()) == 0) {
    return device;
  }
  switch (errno) {
    case EPERM:
    case EACCES:
      return fail(ErrorKind::Denied,
                  core::format("may not mount on {}: root lacks the capability SYS_ADMIN here "
                               "(containers need --cap-add SYS_ADMIN, some also --security-opt "
                               "apparmor=unconfined)",
                               path));
    case EBUSY:
      return fail(ErrorKind::Busy, core::format("mount point {} is busy", path));
    case ENODEV:
      return fail(ErrorKind::NotFound, "this kernel has no FUSE: modprobe fuse");
    default:
      return core::os_error(errno, core::format("mount on {}", path));
  }
}

/// The helper splits its options at commas.
std::string escape_option(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ',' || c == '\\') {
      out.push_back('\\');
    }
    out.push_back(c);
  }
  return out;
}

core::Result<core::UniqueFd> mount_as_user(const MountOptions& options, const std::string& path) {
  if (options.allow_other && !allows_other(read_text("/etc/fuse.conf"))) {
    return fail(ErrorKind::NotPermitted,
                "allow_other is for root unless /etc/fuse.conf says user_allow_other; add that "
                "line, or mount without --allow-other");
  }
  auto mounted = mount_by_helper(
      path, core::format("{},nosuid,nodev{},default_permissions{},subtype={},fsname={}",
                         options.read_only ? "ro" : "rw", options.no_exec ? ",noexec" : "",
                         options.allow_other ? ",allow_other" : "", kSubtype,
                         escape_option(options.source)));
  if (!mounted) {
    return std::move(mounted).error().within(core::format("mount on {}", path));
  }
  return mounted;
}

/// Whether the daemon of the mount at `path` has died. Asked by a process of its own, for a daemon
/// that only hangs would never answer us.
bool is_dead(const std::string& path) {
  constexpr int kPatienceMs = 2'000;
  const pid_t child = ::fork();
  if (child == 0) {
    struct stat status {};
    ::_exit(::stat(path.c_str(), &status) != 0 && errno == ENOTCONN ? 1 : 0);
  }
  if (child < 0) {
    return false;
  }
  const core::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  pollfd waiting{process.get(), POLLIN, 0};
  if (!process.valid() || ::poll(&waiting, 1, kPatienceMs) != 1) {
    ::kill(child, SIGKILL);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

}  // namespace

MountEntry find_mount(std::string_view mountinfo, std::string_view directory) {
  // 36 35 98:0 /root /mount/point options [optional fields] - type source super-options
  MountEntry found;
  for (const std::string_view line : core::split(mountinfo, '\n')) {
    const std::vector<std::string_view> fields = core::split(line, ' ');
    if (fields.size() < 5 || decode_octal(fields[4]) != directory) {
      continue;
    }
    for (std::size_t i = 5; i + 2 < fields.size(); ++i) {
      if (fields[i] == "-") {
        found = {std::string(fields[i + 1]), decode_octal(fields[i + 2])};
        break;
      }
    }
  }
  return found;
}

bool allows_other(std::string_view fuse_conf) {
  for (const std::string_view line : core::split(fuse_conf, '\n')) {
    if (core::trim(line) == "user_allow_other") {
      return true;
    }
  }
  return false;
}

core::Status Channel::take_dead_away(const std::string& mount_point) {
  const std::unique_ptr<char, decltype(&::free)> resolved(::realpath(mount_point.c_str(), nullptr),
                                                          &::free);
  if (!resolved) {
    return {};
  }
  const std::string path = resolved.get();
  while (find_mount(read_text("/proc/self/mountinfo"), path).type == kType && is_dead(path)) {
    if (::geteuid() != 0) {
      TRY(unmount_by_helper(path, true));
    } else if (::umount2(path.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) != 0) {
      return core::os_error(errno, core::format("unmount {}", path));
    }
    core::log(core::LogLevel::Warn, "a mount whose daemon had died was taken away",
              {{"mount_point", path}});
  }
  return {};
}

core::Result<std::string> Channel::check_mount_point(const std::string& mount_point) {
  const std::unique_ptr<char, decltype(&::free)> resolved(::realpath(mount_point.c_str(), nullptr),
                                                          &::free);
  if (!resolved) {
    return mount_point_error(errno, mount_point);
  }
  std::string path = resolved.get();
  // Before any stat, which a mount without a daemon would never answer.
  const MountEntry there = find_mount(read_text("/proc/self/mountinfo"), path);
  if (there.type == kType) {
    return fail(ErrorKind::Busy, core::format("{} is mounted at {} already; to free it: stsfs "
                                              "umount {}",
                                              there.source, path, path));
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return mount_point_error(errno, path);
  }
  if (!S_ISDIR(status.st_mode)) {
    return fail(ErrorKind::NotDirectory, core::format("mount point {} is not a directory", path));
  }
  return path;
}

core::Result<Channel> Channel::mount(const MountOptions& options) {
  TRY_ASSIGN(std::string path, check_mount_point(options.mount_point));
  TRY_ASSIGN(core::UniqueFd descriptor,
             ::geteuid() == 0 ? mount_by_hand(options, path) : mount_as_user(options, path));
  return Channel(std::move(descriptor), std::move(path));
}

Channel Channel::adopt(core::UniqueFd descriptor, std::string mount_point) {
  return {std::move(descriptor), std::move(mount_point)};
}

Channel::~Channel() {
  const core::Status status = unmount(Manner::Detach);
  if (!status) {
    core::log(core::LogLevel::Warn, "the mount stays behind",
              {{"mount_point", mount_point_}, {"error", core::describe(status.error())}});
  }
}

core::Status Channel::unmount(Manner manner) {
  if (!mounted_ || !descriptor_.valid()) {
    return {};
  }
  // Whoever unmounted before us may have mounted something else there since.
  pollfd device{descriptor_.get(), 0, 0};
  if (::poll(&device, 1, 0) > 0 && (device.revents & POLLERR) != 0) {
    return {};
  }
  const bool detach = manner == Manner::Detach;
  if (::geteuid() != 0) {
    TRY(unmount_by_helper(mount_point_, detach));
  } else if (::umount2(mount_point_.c_str(), UMOUNT_NOFOLLOW | (detach ? MNT_DETACH : 0)) != 0) {
    return core::os_error(errno, core::format("unmount {}", mount_point_));
  }
  mounted_ = false;
  return {};
}

}  // namespace fuse
