#include "cred/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/format.h"
#include "core/os_error.h"
#include "core/unique_fd.h"
#include "cred/small_file.h"

namespace cred {
namespace {

core::Status check_owner_and_mode(int fd, Readers readers) {
  struct stat about {};
  if (::fstat(fd, &about) != 0) {
    return core::os_error(errno, "fstat");
  }
  if (!S_ISREG(about.st_mode)) {
    return core::fail(core::ErrorKind::InvalidArgument, "it is not a regular file");
  }
  const ::mode_t forbidden =
      readers == Readers::Group ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
  if ((about.st_mode & forbidden) != 0) {
    return core::fail(core::ErrorKind::Denied,
                      core::format("its mode is {:04o}, so others than its owner can get at it: "
                                   "chmod 600 it",
                                   about.st_mode & 07777U));
  }
  if (about.st_uid != ::geteuid() && about.st_uid != 0) {
    return core::fail(core::ErrorKind::Denied, "it belongs to another user");
  }
  return {};
}

}  // namespace

core::Result<core::Secret> read_private_file(const std::string& path, Readers readers) {
  const core::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    if (errno == ELOOP) {
      return core::fail(core::ErrorKind::Denied,
                        "it is a symbolic link, which somebody could point elsewhere: name the "
                        "file itself");
    }
    return core::os_error(errno, "open");
  }
  TRY(check_owner_and_mode(fd.get(), readers));
  return read_small_file(fd.get());
}

}  // namespace cred
