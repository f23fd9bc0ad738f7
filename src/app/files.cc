#include "app/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/os_error.h"
#include "core/unique_fd.h"

namespace app {

core::Result<std::string> read_text_file(const std::string& path) {
  constexpr std::size_t kLargest = 1 << 20;
  const core::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd.valid()) {
    return core::os_error(errno, path);
  }
  std::string content;
  std::array<char, 16384> piece;
  for (;;) {
    const auto got = ::read(fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return core::os_error(errno, path);
    }
    if (got == 0) {
      return content;
    }
    content.append(piece.data(), static_cast<std::size_t>(got));
    if (content.size() > kLargest) {
      return core::fail(core::ErrorKind::TooLarge, path + ": longer than 1 MiB");
    }
  }
}

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
