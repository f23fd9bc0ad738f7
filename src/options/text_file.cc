#include "options/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/os_error.h"
#include "core/unique_fd.h"

namespace options {

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

}  // namespace options
