#include "cred/key_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "core/format.h"
#include "core/log.h"
#include "core/os_error.h"
#include "core/text.h"
#include "core/unique_fd.h"
#include "cred/failure.h"
#include "cred/local_lease.h"
#include "cred/small_file.h"

namespace cred {
namespace {

constexpr int kMostSwaps = 5;

core::Result<core::UniqueFd> open_directory(int at, const char* path) {
  core::UniqueFd fd(::openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) {
    return core::os_error(errno, path);
  }
  return fd;
}

/// The directory where one generation lies.
core::Result<core::UniqueFd> open_generation(const std::string& path) {
  TRY_ASSIGN(core::UniqueFd directory, open_directory(AT_FDCWD, path.c_str()));
  if (auto data = open_directory(directory.get(), "..data")) {
    return *std::move(data);
  }
  return directory;
}

bool same_directory(int a, int b) {
  struct stat one {};
  struct stat other {};
  return ::fstat(a, &one) == 0 && ::fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

struct Generation {
  core::Secret access_key_id;
  core::Secret access_key_secret;
  core::Secret security_token;
  core::Secret expiration;
  bool readable_by_others = false;
};

/// One file without the blanks and line breaks around its value; empty where there is none.
core::Result<core::Secret> read_one(int directory, const std::string& name,
                                    bool& readable_by_others) {
  if (name.empty()) {
    return core::Secret();
  }
  const core::UniqueFd fd(::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    if (errno == ENOENT) {
      return core::Secret();
    }
    return core::os_error(errno, name);
  }
  struct stat about {};
  if (::fstat(fd.get(), &about) != 0) {
    return core::os_error(errno, name);
  }
  if (!S_ISREG(about.st_mode)) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("{} is not a regular file", name));
  }
  if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return core::fail(core::ErrorKind::Denied,
                      core::format("{} has mode {:04o}, so others than its owner can change it: "
                                   "chmod 600 it",
                                   name, about.st_mode & 07777U));
  }
  readable_by_others = readable_by_others || (about.st_mode & S_IROTH) != 0;
  auto text = read_small_file(fd.get());
  if (!text) {
    return std::move(text).error().within(name);
  }
  return core::Secret(std::string(core::trim(text->reveal())));
}

core::Result<Generation> read_generation(int directory, const KeyFileNames& names) {
  Generation read;
  bool unused = false;
  TRY_ASSIGN(read.access_key_id, read_one(directory, names.access_key_id, unused));
  TRY_ASSIGN(read.access_key_secret,
             read_one(directory, names.access_key_secret, read.readable_by_others));
  TRY_ASSIGN(read.security_token,
             read_one(directory, names.security_token, read.readable_by_others));
  TRY_ASSIGN(read.expiration, read_one(directory, names.expiration, unused));
  return read;
}

/// One generation, whole.
core::Result<Generation> read_whole(const std::string& path, const KeyFileNames& names) {
  for (int swaps = 0; swaps < kMostSwaps; ++swaps) {
    TRY_ASSIGN(const core::UniqueFd directory, open_generation(path));
    auto read = read_generation(directory.get(), names);
    TRY_ASSIGN(const core::UniqueFd now, open_generation(path));
    if (same_directory(directory.get(), now.get())) {
      return read;
    }
  }
  return core::fail(core::ErrorKind::Unavailable, "it changes faster than it can be read");
}

core::Result<GivenCredentials> credentials_of(Generation read, const KeyFileNames& names) {
  const auto missing = [](const std::string& name) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("the file {} is missing or empty", name));
  };
  if (read.access_key_secret.empty()) {
    return missing(names.access_key_secret);
  }
  GivenCredentials given;
  given.credentials.access_key_id = std::string(read.access_key_id.reveal());
  given.credentials.access_key_secret = std::move(read.access_key_secret);
  given.credentials.token = std::move(read.security_token);
  if (!given.credentials.temporary() && given.credentials.access_key_id.starts_with("STS.")) {
    return missing(names.security_token);
  }
  if (!read.expiration.empty()) {
    given.expiration = core::parse_iso8601(read.expiration.reveal());
    if (!given.expiration) {
      return core::fail(
          core::ErrorKind::InvalidArgument,
          core::format("{} is not of the form 2024-01-02T03:04:05Z", names.expiration));
    }
  }
  return given;
}

}  // namespace

Fetched KeyDirectory::fetch(const core::OpContext& /*context*/) {
  auto read = read_whole(path_, names_);
  if (!read) {
    core::Error error = std::move(read).error().within(describe());
    switch (error.kind) {
      case core::ErrorKind::NotFound:
        return not_configured(std::move(error.message));
      case core::ErrorKind::Unavailable:
        return transient(std::move(error));
      default:
        return unusable(std::move(error));
    }
  }
  if (read->access_key_id.empty()) {
    return not_configured(
        core::format("{}: the file {} is missing or empty", describe(), names_.access_key_id));
  }
  if (read->readable_by_others && !std::exchange(warned_, true)) {
    core::log(core::LogLevel::Warn, "credentials.readable",
              {{"directory", path_},
               {"why",
                "every user of this machine may read the files: chmod 600 them, or give the "
                "volume defaultMode 0400"}});
  }
  auto given = credentials_of(*std::move(read), names_);
  if (!given) {
    return unusable(std::move(given).error().within(describe()));
  }
  auto lease = local_lease(*std::move(given), clock_);
  if (!lease) {
    return unusable(std::move(lease).error().within(describe()));
  }
  return *std::move(lease);
}

std::vector<std::string> KeyDirectory::files() const {
  std::vector<std::string> files = {path_};
  for (const std::string& name :
       {names_.access_key_id, names_.access_key_secret, names_.security_token, names_.expiration}) {
    if (!name.empty()) {
      files.push_back(path_ + '/' + name);
    }
  }
  return files;
}

}  // namespace cred
