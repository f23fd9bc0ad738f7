#include "emulator/objects/journal.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/log.h"
#include "core/os_error.h"
#include "emulator/objects/change_codec.h"

namespace emulator {
namespace {

constexpr std::size_t kFrameBytes = 12;

std::string framed(const Change& change) {
  const std::string bytes = encode_change(change);
  const auto length = static_cast<std::uint32_t>(bytes.size());
  const std::uint64_t sum = core::crc64(core::as_bytes(bytes));
  std::string out(kFrameBytes, '\0');
  std::memcpy(out.data(), &length, sizeof length);
  std::memcpy(out.data() + sizeof length, &sum, sizeof sum);
  return out + bytes;
}

core::Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return core::os_error(errno, "append to the object log");
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

core::Result<std::string> read_all(const std::string& path) {
  const core::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ENOENT) {
      return std::string();
    }
    return core::os_error(errno, "open " + path);
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) {
    return core::os_error(errno, "stat " + path);
  }
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t n = ::read(fd.get(), bytes.data() + filled, bytes.size() - filled);
    if (n < 0) {
      return core::os_error(errno, "read " + path);
    }
    if (n == 0) {
      break;
    }
    filled += static_cast<std::size_t>(n);
  }
  bytes.resize(filled);
  return bytes;
}

struct Replayed {
  std::size_t good_bytes = 0;
  std::size_t records = 0;
};

Replayed replay(std::string_view bytes, const BlobStore& blobs, Buckets& buckets) {
  Replayed done;
  while (bytes.size() - done.good_bytes >= kFrameBytes) {
    const std::string_view rest = bytes.substr(done.good_bytes);
    std::uint32_t length = 0;
    std::uint64_t sum = 0;
    std::memcpy(&length, rest.data(), sizeof length);
    std::memcpy(&sum, rest.data() + sizeof length, sizeof sum);
    if (rest.size() - kFrameBytes < length) {
      break;
    }
    const std::string_view record = rest.substr(kFrameBytes, length);
    if (core::crc64(core::as_bytes(record)) != sum) {
      break;
    }
    if (const std::optional<Change> change = decode_change(record, blobs)) {
      apply(buckets, *change);
    }  // else its file is gone, and so is the object
    done.good_bytes += kFrameBytes + length;
    ++done.records;
  }
  return done;
}

/// Everything that is there as the shortest sequence of changes.
template <class Visit>
core::Status for_each_change(const Buckets& buckets, const Visit& visit) {
  for (const auto& [name, bucket] : buckets) {
    TRY(visit(Change(PutBucketChange{bucket.facts})));
    for (const auto& [key, versions] : bucket.objects) {
      for (const VersionPtr& version :
           std::vector<VersionPtr>(versions.rbegin(), versions.rend())) {
        TRY(visit(Change(PutVersionChange{name, key, version, false})));
      }
    }
    for (const auto& [id, upload] : bucket.uploads) {
      TRY(visit(Change(PutUploadChange{name, upload})));
      for (const auto& [number, part] : upload.parts) {
        TRY(visit(Change(PutPartChange{name, id, number, part})));
      }
    }
  }
  return {};
}

core::Result<core::UniqueFd> rewrite(const std::string& path, const Buckets& buckets) {
  const std::string fresh = path + ".new";
  core::UniqueFd fd(
      ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return core::os_error(errno, "create " + fresh);
  }
  std::string buffer;
  const auto write_change = [&](const Change& change) -> core::Status {
    buffer += framed(change);
    if (buffer.size() > (std::size_t{1} << 20U)) {
      TRY(write_all(fd.get(), buffer));
      buffer.clear();
    }
    return {};
  };
  TRY(for_each_change(buckets, write_change));
  TRY(write_all(fd.get(), buffer));
  if (std::rename(fresh.c_str(), path.c_str()) != 0) {
    return core::os_error(errno, "rename " + fresh);
  }
  return fd;
}

}  // namespace

core::Result<Journal> Journal::open(const std::string& path, const BlobStore& blobs,
                                    Buckets& buckets) {
  TRY_ASSIGN(const std::string bytes, read_all(path));
  const Replayed done = replay(bytes, blobs, buckets);
  std::size_t alive = 0;
  for (const auto& [name, bucket] : buckets) {
    alive += 1 + bucket.objects.size() + bucket.uploads.size();
  }
  if (done.records > 2 * alive + 1000) {
    TRY_ASSIGN(core::UniqueFd fd, rewrite(path, buckets));
    const off_t size = ::lseek(fd.get(), 0, SEEK_END);
    return Journal(std::move(fd), static_cast<std::uint64_t>(size));
  }
  core::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return core::os_error(errno, "open " + path);
  }
  if (done.good_bytes < bytes.size()) {
    core::log(core::LogLevel::Warn, "emulator: cut the torn end of the object log",
              {{"bytes", bytes.size() - done.good_bytes}});
    if (::ftruncate(fd.get(), static_cast<off_t>(done.good_bytes)) != 0) {
      return core::os_error(errno, "truncate " + path);
    }
  }
  return Journal(std::move(fd), done.good_bytes);
}

core::Status Journal::append(const Change& change) {
  const std::string record = framed(change);
  core::Status written = write_all(fd_.get(), record);
  if (written) {
    size_ += record.size();
  } else if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) {
    return core::os_error(errno, "cut the object log back");
  }
  return written;
}

}  // namespace emulator
