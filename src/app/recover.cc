#include "app/recover.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "core/format.h"
#include "core/os_error.h"
#include "core/text.h"
#include "core/unique_fd.h"
#include "model/names.h"

namespace app {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20U;

std::string safe(std::string_view component) {
  return model::file_name({std::string(component), false});
}

/// The folder for `key`, made below `top` where it is missing, without following links.
core::Result<core::UniqueFd> folder_for(int top, std::string_view key) {
  core::UniqueFd folder(::openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (auto slash = key.find('/'); folder.valid() && slash != std::string_view::npos;
       key.remove_prefix(slash + 1), slash = key.find('/')) {
    const std::string name = safe(key.substr(0, slash));
    if (::mkdirat(folder.get(), name.c_str(), 0700) != 0 && errno != EEXIST) {
      return core::os_error(errno, "make the folder " + name);
    }
    folder.reset(
        ::openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  if (!folder.valid()) {
    return core::os_error(errno, "open a folder");
  }
  return folder;
}

core::Status write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(fd, data, size);
    if (n < 0 && errno != EINTR) {
      return core::os_error(errno, "write");
    }
    const auto done = static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    data += done;
    size -= done;
  }
  return {};
}

core::Status to_disk(int fd) {
  return ::fsync(fd) == 0 ? core::Status{} : core::os_error(errno, "write to the disk");
}

core::Status copy_bytes(int from, int to, std::uint64_t size) {
  std::string piece(kPiece, '\0');
  while (size > 0) {
    const ssize_t n = ::read(from, piece.data(), std::min<std::uint64_t>(size, kPiece));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return core::os_error(errno, "read");
    }
    if (n == 0) {
      return core::fail(core::ErrorKind::Corrupt, core::format("{} bytes of it are missing", size));
    }
    TRY(write_all(to, piece.data(), static_cast<std::size_t>(n)));
    size -= static_cast<std::uint64_t>(n);
  }
  return to_disk(to);
}

/// A new file at `path` below `top`.
core::Result<core::UniqueFd> make_file(std::string_view path, int top) {
  TRY_ASSIGN(const core::UniqueFd folder, folder_for(top, path));
  const auto slash = path.rfind('/');
  const std::string name = safe(slash == std::string_view::npos ? path : path.substr(slash + 1));
  core::UniqueFd file(
      ::openat(folder.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) {
    return core::os_error(errno, "make " + name);
  }
  return file;
}

core::Status export_beside(const state::KeptFile& file, const std::string& data,
                           std::string_view path, int top) {
  const std::string source = core::format("{}/{}", data, file.number);
  const core::UniqueFd from(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!from.valid()) {
    return core::os_error(errno, source);
  }
  TRY_ASSIGN(const core::UniqueFd to, make_file(path, top));
  return copy_bytes(from.get(), to.get(), file.size);
}

core::Status export_inside(std::string_view content, std::string_view path, int top) {
  TRY_ASSIGN(const core::UniqueFd to, make_file(path, top));
  TRY(write_all(to.get(), content.data(), content.size()));
  return to_disk(to.get());
}

}  // namespace

std::string describe(const std::vector<state::KeptFile>& files) {
  std::string text;
  for (const state::KeptFile& file : files) {
    text += core::format("{:>10}  {}  {}", core::format_size(file.size),
                         core::format_compact(file.wanted.last_modified), file.wanted.key);
    if (file.tries > 0) {
      text += core::format("  ({} tries: {})", file.tries, file.error);
    }
    text += '\n';
  }
  return text;
}

Exported export_files(state::Journal& journal, const std::string& data, std::string_view prefix,
                      const std::string& target) {
  Exported exported;
  const core::UniqueFd top(::open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto note = [&](const std::string& key, core::Status done) {
    if (done) {
      exported.written.push_back(key);
    } else {
      exported.failures.emplace_back(key, std::move(done).error());
    }
  };
  const auto path_of = [&](const std::string& key) {
    return std::string_view(key).substr(key.starts_with(prefix) ? prefix.size() : 0);
  };
  std::map<std::uint64_t, std::string> inside;
  for (const state::KeptFile& file : journal.found().files) {
    const std::string& key = file.wanted.key;
    if (!top.valid()) {
      note(key, core::os_error(ENOENT, "the folder " + target));
    } else if (!file.inside) {
      note(key, export_beside(file, data, path_of(key), top.get()));
    } else if (file.size == 0) {
      note(key, export_inside({}, path_of(key), top.get()));
    } else {
      inside.emplace(file.number, key);
    }
  }
  auto visited = journal.visit_contents([&](std::uint64_t number, std::string_view content) {
    if (const auto at = inside.find(number); at != inside.end()) {
      note(at->second, export_inside(content, path_of(at->second), top.get()));
      inside.erase(at);
    }
    return core::Status();
  });
  for (const auto& [number, key] : inside) {
    note(key, visited ? core::fail(core::ErrorKind::Corrupt, "the journal has not got it")
                      : visited.error());
  }
  return exported;
}

}  // namespace app
