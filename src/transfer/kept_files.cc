#include "transfer/kept_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <utility>

#include "core/format.h"
#include "core/log.h"
#include "core/os_error.h"

namespace transfer {
namespace {

using core::ErrorKind;

/// Source: open(2), O_TMPFILE: how a file without a name gets one.
core::Status give_name(int fd, const std::string& path) {
  const std::string self = core::format("/proc/self/fd/{}", fd);
  if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return core::os_error(errno, "name the file " + path);
  }
  return {};
}

core::Status probe(StagingArea& area, const std::string& directory) {
  TRY_ASSIGN(const auto content, area.create());
  const std::string path = directory + "/probe";
  ::unlink(path.c_str());
  TRY_ASSIGN(const int fd, content->settle_on_disk());
  auto named = give_name(fd, path);
  ::unlink(path.c_str());
  if (!named && named.error().kind == ErrorKind::NotFound) {
    return core::fail(ErrorKind::Unsupported,
                      directory +
                          ": this file system cannot give names to files that have none "
                          "(O_TMPFILE); choose another --state-dir");
  }
  return named;
}

}  // namespace

KeptFile::KeptFile(std::string path, std::uint64_t number, std::shared_ptr<StagedFile> content)
    : path_(std::move(path)), number_(number), content_(std::move(content)) {}

KeptFile::~KeptFile() {
  if (needs_ == 0) {
    ::unlink(path_.c_str());
  }
}

core::Status KeptFile::broken() const {
  const core::MutexLock lock(mutex_);
  return broken_ ? core::Status(*broken_) : core::Status();
}

core::Status KeptFile::sync() {
  TRY(broken());
  TRY_ASSIGN(const int fd, content_->settle_on_disk());
  if (::fdatasync(fd) != 0) {
    core::Error error = core::os_error(errno, "write what is staged to the disk");
    error.kind = ErrorKind::Io;
    const core::MutexLock lock(mutex_);
    broken_ = error;
    return error;
  }
  return {};
}

core::Result<std::unique_ptr<KeptFiles>> KeptFiles::open(const std::string& directory,
                                                         StagingArea& area) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return core::os_error(errno, "make " + directory);
  }
  core::UniqueFd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!folder.valid()) {
    return core::os_error(errno, "open " + directory);
  }
  TRY(probe(area, directory));
  return std::unique_ptr<KeptFiles>(new KeptFiles(directory, std::move(folder), area));
}

std::string KeptFiles::path_of(std::uint64_t number) const {
  return core::format("{}/{}", directory_, number);
}

core::Result<std::shared_ptr<KeptFile>> KeptFiles::name(const std::shared_ptr<StagedFile>& content,
                                                        std::uint64_t number) {
  TRY_ASSIGN(const int fd, content->settle_on_disk());
  TRY(give_name(fd, path_of(number)));
  return std::make_shared<KeptFile>(path_of(number), number, content);
}

core::Status KeptFiles::sync_names() {
  if (::fsync(folder_.get()) != 0) {
    return core::os_error(errno, "write the folder " + directory_);
  }
  return {};
}

core::Result<KeptFiles::Reopened> KeptFiles::reopen(std::uint64_t number, std::uint64_t size) {
  const std::string path = path_of(number);
  core::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) {
    return core::os_error(errno, "open " + path);
  }
  struct stat about {};
  if (::fstat(fd.get(), &about) != 0) {
    return core::os_error(errno, path);
  }
  if (!S_ISREG(about.st_mode)) {
    return core::fail(ErrorKind::Io, path + " is no file");
  }
  if (static_cast<std::uint64_t>(about.st_size) > size &&
      ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return core::os_error(errno, "cut " + path);
  }
  Reopened reopened;
  TRY_ASSIGN(reopened.content, area_.adopt(std::move(fd)));
  reopened.name = std::make_shared<KeptFile>(path, number, reopened.content);
  reopened.name->need();
  return reopened;
}

void KeptFiles::remove_all_but(const std::set<std::uint64_t>& numbers) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, ignored)) {
    const std::string name = entry.path().filename().string();
    std::uint64_t number = 0;
    const char* const end = name.data() + name.size();
    const auto read = std::from_chars(name.data(), end, number);
    if (read.ec == std::errc() && read.ptr == end && !numbers.contains(number)) {
      core::log(core::LogLevel::Info, "journal.unpromised", {{"file", entry.path().string()}});
      ::unlink(entry.path().c_str());
    }
  }
}

}  // namespace transfer
