#include "cred/identity_token.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "core/format.h"
#include "core/os_error.h"
#include "core/text.h"
#include "core/unique_fd.h"

namespace cred {
namespace {

/// Source: STS API, AssumeRoleWithOIDC, OIDCToken.
constexpr std::size_t kShortestToken = 4;
constexpr std::size_t kLongestToken = 20'000;

}  // namespace

core::Result<core::Secret> read_identity_token(const std::string& path) {
  const core::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    return core::os_error(errno, "open");
  }
  struct stat attributes {};
  if (::fstat(fd.get(), &attributes) != 0) {
    return core::os_error(errno, "fstat");
  }
  if (!S_ISREG(attributes.st_mode)) {
    return core::fail(core::ErrorKind::InvalidArgument, "it is not a regular file");
  }
  std::string text(kLongestToken + 2, '\0');  // a token, a line break, and one byte too many
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno != EINTR) {
      return core::os_error(errno, "read");
    }
    if (got == 0) {
      break;
    }
    size += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  const core::Secret whole(std::move(text));
  const std::string_view token = core::trim(whole.reveal().substr(0, size));
  if (token.size() > kLongestToken) {
    return core::fail(
        core::ErrorKind::InvalidArgument,
        core::format("it is longer than the {} characters of a token", kLongestToken));
  }
  if (token.size() < kShortestToken) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      token.empty() ? "it is empty" : "it is too short for a token");
  }
  if (std::any_of(token.begin(), token.end(), [](char c) { return c <= ' ' || c > '~'; })) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      "it holds blanks, line breaks or other characters that no token has");
  }
  return core::Secret(std::string(token));
}

}  // namespace cred
