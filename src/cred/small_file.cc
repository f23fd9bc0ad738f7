#include "cred/small_file.h"

#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "core/os_error.h"

namespace cred {

core::Result<core::Secret> read_small_file(int fd) {
  constexpr std::size_t kLargest = 64UL * 1024;
  std::string text(kLargest + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno != EINTR) {
      return core::os_error(errno, "read");
    }
    if (got == 0) {
      break;
    }
    size += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  if (size > kLargest) {
    core::wipe(text.data(), text.size());
    return core::fail(core::ErrorKind::TooLarge, "it is longer than 64 KiB");
  }
  core::Secret content(text.substr(0, size));
  core::wipe(text.data(), text.size());
  return content;
}

}  // namespace cred
