#include "app/private_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/os_error.h"

namespace app {

core::Status make_private_directory(const std::string& path) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string upto = path.substr(0, at);
    if (::mkdir(upto.c_str(), 0700) < 0 && errno != EEXIST) {
      return core::os_error(errno, "make the directory " + upto);
    }
    if (at == std::string::npos) {
      break;
    }
  }
  struct stat about {};
  if (::stat(path.c_str(), &about) < 0) {
    return core::os_error(errno, path);
  }
  if (!S_ISDIR(about.st_mode)) {
    return core::os_error(ENOTDIR, path);
  }
  if ((about.st_uid != ::geteuid() && about.st_uid != 0) || (about.st_mode & 0022) != 0) {
    return core::fail(core::ErrorKind::Denied, path + ": others may write to this directory");
  }
  return {};
}

}  // namespace app
