#include "transfer/staged_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <limits>
#include <utility>

#include "core/check.h"
#include "core/format.h"
#include "core/os_error.h"

namespace transfer {
namespace {

constexpr std::uint64_t kBlock = 512;  // of st_blocks

struct stat stat_of(int fd) {
  struct stat result {};
  CORE_CHECK(::fstat(fd, &result) == 0);
  return result;
}

/// Takes `done` bytes off the front.
void drop_front(std::vector<iovec>& pieces, std::size_t done) {
  auto at = pieces.begin();
  for (; at != pieces.end() && done >= at->iov_len; ++at) {
    done -= at->iov_len;
  }
  pieces.erase(pieces.begin(), at);
  if (!pieces.empty()) {
    pieces.front().iov_base = static_cast<std::byte*>(pieces.front().iov_base) + done;
    pieces.front().iov_len -= done;
  }
}

core::Status write_pieces(int fd, std::uint64_t offset, std::vector<iovec> pieces) {
  while (!pieces.empty()) {
    const int count = static_cast<int>(std::min<std::size_t>(pieces.size(), IOV_MAX));
    const ssize_t n = ::pwritev(fd, pieces.data(), count, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return core::os_error(errno, "write staged bytes");
    }
    offset += static_cast<std::uint64_t>(n);
    drop_front(pieces, static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

core::Result<core::UniqueFd> open_nameless(const std::string& directory) {
  core::UniqueFd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd.valid() && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
    std::string name = directory + "/staged.XXXXXX";
    fd.reset(::mkostemp(name.data(), O_CLOEXEC));
    if (fd.valid() && ::unlink(name.c_str()) != 0) {
      return core::os_error(errno, "unlink " + name);
    }
  }
  if (!fd.valid()) {
    return core::os_error(errno, "create a staging file in " + directory);
  }
  return fd;
}

core::Result<std::size_t> read_staged_file(int fd, std::uint64_t offset,
                                           std::span<std::byte> buffer) {
  constexpr std::uint64_t kMostOffset = std::numeric_limits<off_t>::max();
  std::size_t done = 0;
  while (done < buffer.size() && offset + done <= kMostOffset) {
    const ssize_t n =
        ::pread(fd, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return core::os_error(errno, "read staged bytes");
    }
    if (n == 0) {
      break;
    }
    done += static_cast<std::size_t>(n);
  }
  return done;
}

core::Status StagedDisk::open() {
  if (exists()) {
    return {};
  }
  TRY_ASSIGN(auto file, open_nameless(directory_));
  adopt(std::move(file));
  return {};
}

void StagedDisk::adopt(core::UniqueFd file) {
  fd_ = std::move(file);
  // A second opening of the same file, since the flag is one of the opening.
  const std::string self = core::format("/proc/self/fd/{}", fd_.get());
  direct_.reset(::open(self.c_str(), O_RDWR | O_CLOEXEC | O_DIRECT));
}

core::Status StagedDisk::write(std::uint64_t offset, std::span<const std::byte> data) {
  return write_pieces(fd_.get(), offset, {{const_cast<std::byte*>(data.data()), data.size()}});
}

core::Status StagedDisk::write_directly(std::uint64_t offset,
                                        const std::vector<core::ByteView>& pieces) {
  std::vector<iovec> vector;
  vector.reserve(pieces.size());
  for (const core::ByteView piece : pieces) {
    vector.push_back({const_cast<std::byte*>(piece.data()), piece.size()});
  }
  if (direct_.valid()) {
    core::Status written = write_pieces(direct_.get(), offset, vector);
    if (written || written.error().kind == core::ErrorKind::NoSpace) {
      return written;
    }
    direct_.reset();  // some file systems allow the flag and not the writing
  }
  return write_pieces(fd_.get(), offset, std::move(vector));
}

core::Status StagedDisk::truncate(std::uint64_t size) {
  return ::ftruncate(fd_.get(), static_cast<off_t>(size)) == 0
             ? core::Status()
             : core::os_error(errno, "truncate staged file");
}

core::Status StagedDisk::allocate(int mode, std::uint64_t offset, std::uint64_t length) {
  for (;;) {
    if (::fallocate(fd_.get(), mode, static_cast<off_t>(offset), static_cast<off_t>(length)) == 0) {
      return {};
    }
    if (errno != EINTR) {
      return core::os_error(errno, "allocate staged space");
    }
  }
}

core::Result<std::optional<std::uint64_t>> StagedDisk::seek(std::uint64_t offset,
                                                            int whence) const {
  const off_t at = ::lseek(fd_.get(), static_cast<off_t>(offset), whence);
  if (at >= 0) {
    return std::optional(static_cast<std::uint64_t>(at));
  }
  if (errno == ENXIO) {
    return std::optional<std::uint64_t>();
  }
  return core::os_error(errno, "seek in staged file");
}

std::uint64_t StagedDisk::size() const {
  return static_cast<std::uint64_t>(stat_of(fd_.get()).st_size);
}

std::uint64_t StagedDisk::taken() const {
  return static_cast<std::uint64_t>(stat_of(fd_.get()).st_blocks) * kBlock;
}

}  // namespace transfer
