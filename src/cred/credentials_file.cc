#include "cred/credentials_file.h"

#include <fcntl.h>
#include <ini.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <mutex>

#include "core/format.h"
#include "core/os_error.h"
#include "core/text.h"
#include "core/unique_fd.h"
#include "cred/failure.h"
#include "cred/validate.h"

namespace cred {
namespace {

constexpr std::size_t kLargestFile = 64UL * 1024;

/// The keys of one section; the values may be secret, so they have no other home.
using Section = std::map<std::string, core::Secret, std::less<>>;

struct Reading {
  std::string_view profile;
  Section section;
  bool found = false;
};

int take_line(void* user, const char* section, const char* name, const char* value) {
  auto& reading = *static_cast<Reading*>(user);
  const std::string_view in = *section == '\0' ? "default" : std::string_view(section);
  if (in == reading.profile) {
    reading.found = true;
    reading.section.insert_or_assign(core::to_lower(name),
                                     core::Secret(value == nullptr ? "" : value));
  }
  return 1;
}

/// The parser's settings are variables of its library; a token is longer than its 200 bytes a line.
void set_up_parser() {
  static std::once_flag once;
  std::call_once(once, [] {
    ini_use_stack = false;
    ini_allow_realloc = true;
    ini_max_line = static_cast<int>(kLargestFile);
    ini_allow_multiline = false;
  });
}

/// The file's text. Errors: NotFound only where there is no such file.
core::Result<core::Secret> read_private_file(const std::string& path) {
  const core::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    if (errno == ELOOP) {
      return core::fail(core::ErrorKind::Denied,
                        "it is a symbolic link, which somebody could point elsewhere: name the "
                        "file itself");
    }
    return core::os_error(errno, "open");
  }
  struct stat attributes {};
  if (::fstat(fd.get(), &attributes) != 0) {
    return core::os_error(errno, "fstat");
  }
  if (!S_ISREG(attributes.st_mode)) {
    return core::fail(core::ErrorKind::InvalidArgument, "it is not a regular file");
  }
  if ((attributes.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return core::fail(core::ErrorKind::Denied,
                      core::format("its mode is {:04o}, so others than its owner can get at it: "
                                   "chmod 600 it",
                                   attributes.st_mode & 07777U));
  }
  if (attributes.st_uid != ::geteuid() && attributes.st_uid != 0) {
    return core::fail(core::ErrorKind::Denied, "it belongs to another user");
  }
  std::string text(kLargestFile + 1, '\0');
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
  if (size > kLargestFile) {
    return core::fail(core::ErrorKind::TooLarge, "it is longer than 64 KiB");
  }
  text.resize(size);
  return core::Secret(std::move(text));
}

std::string_view value_of(const Section& section, std::string_view name) {
  const auto found = section.find(name);
  return found == section.end() ? std::string_view() : found->second.reveal();
}

core::Error invalid(std::string message) {
  return core::fail(core::ErrorKind::InvalidArgument, std::move(message));
}

core::Result<Lease> lease_of(const Section& section, const ServiceClock& clock) {
  const std::string type = core::to_lower(value_of(section, "type"));
  if (!type.empty() && type != "access_key" && type != "sts") {
    return core::fail(core::ErrorKind::Unsupported,
                      core::format("type '{}' is not supported; access_key and sts are", type));
  }
  Lease lease;
  lease.credentials.access_key_id = std::string(value_of(section, "access_key_id"));
  lease.credentials.access_key_secret =
      core::Secret(std::string(value_of(section, "access_key_secret")));
  const std::string_view token = value_of(section, "security_token");
  lease.credentials.token =
      core::Secret(std::string(token.empty() ? value_of(section, "sts_token") : token));
  TRY(validate(lease.credentials));
  if (type == "sts" && !lease.credentials.temporary()) {
    return invalid("type is sts, but there is no security_token");
  }
  lease.issued = clock.own().steady_now();
  if (const auto text = value_of(section, "expiration"); !text.empty()) {
    const auto expiration = core::parse_iso8601(text);
    if (!expiration) {
      return invalid("expiration is not of the form 2024-01-02T03:04:05Z");
    }
    const core::Duration left = *expiration - clock.now();
    if (left <= core::Duration{0}) {
      return core::fail(core::ErrorKind::Unauthenticated,
                        core::format("its credentials expired at {}", text));
    }
    lease.expires = lease.issued + left;
  }
  return lease;
}

}  // namespace

Fetched CredentialsFile::fetch(const core::OpContext& /*context*/) {
  auto text = read_private_file(path_);
  if (!text) {
    core::Error error = std::move(text).error().within(describe());
    return error.kind == core::ErrorKind::NotFound ? not_configured(std::move(error.message))
                                                   : permanent(std::move(error));
  }
  set_up_parser();
  Reading reading{profile_, {}, false};
  // A string_view is not enough for the parser; reveal() is of a std::string, which ends in NUL.
  if (const int line = ini_parse_string(text->reveal().data(), take_line, &reading); line != 0) {
    return permanent(
        invalid(core::format("{}: line {} is not of the form key = value", describe(), line)));
  }
  if (!reading.found) {
    return profile_ == "default" ? not_configured(describe() + ": no such profile")
                                 : permanent(invalid(describe() + ": no such profile in the file"));
  }
  auto lease = lease_of(reading.section, clock_);
  if (!lease) {
    return permanent(std::move(lease).error().within(describe()));
  }
  return *std::move(lease);
}

std::string CredentialsFile::describe() const {
  return core::format("file {} [{}]", path_, profile_);
}

}  // namespace cred
