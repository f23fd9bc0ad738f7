#include "emulator/account/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/os_error.h"
#include "core/unique_fd.h"

namespace emulator {

core::Result<std::string> read_text_file(const std::string& path) {
  const core::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return core::os_error(errno, "open " + path);
  }
  std::string text;
  std::array<char, 4096> piece{};
  for (;;) {
    const ssize_t size = ::read(fd.get(), piece.data(), piece.size());
    if (size == 0) {
      return text;
    }
    if (size > 0) {
      text.append(piece.data(), static_cast<std::size_t>(size));
    } else if (errno != EINTR) {
      return core::os_error(errno, "read " + path);
    }
  }
}

}  // namespace emulator
