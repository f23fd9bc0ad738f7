#include "options/environment.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace options {

bool Environment::is_secret_name(std::string_view name) {
  constexpr std::array<std::string_view, 8> kFamilies = {
      "ALIBABA", "ALICLOUD_", "OSS", "AWS", "STSFS_", "ACCESS_KEY", "SECURITY_TOKEN", "MINIO"};
  if (std::none_of(kFamilies.begin(), kFamilies.end(),
                   [&](std::string_view family) { return name.starts_with(family); })) {
    return false;
  }
  for (const std::string_view mark : {"SECRET", "TOKEN", "PASSWORD"}) {
    const auto at = name.find(mark);
    // A file that holds a token is no secret: …_OIDC_TOKEN_FILE.
    if (at != std::string_view::npos && !name.ends_with("_FILE")) {
      return true;
    }
  }
  return false;
}

void Environment::add(const std::string& name, const char* value) {
  if (is_secret_name(name)) {
    secrets_.emplace(name, core::Secret(value));
  } else {
    plain_.emplace(name, value);
  }
}

Environment::Environment(const std::map<std::string, std::string>& variables) {
  for (const auto& [name, value] : variables) {
    add(name, value.c_str());
  }
}

Environment Environment::take() {
  Environment taken;
  std::vector<std::string> secret_names;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    char* const equals = std::strchr(*entry, '=');
    if (equals == nullptr) {
      continue;
    }
    std::string name(*entry, equals);
    char* const value = equals + 1;
    taken.add(name, value);
    if (is_secret_name(name)) {
      core::wipe(value, std::strlen(value));
      secret_names.push_back(std::move(name));
    }
  }
  for (const std::string& name : secret_names) {
    ::unsetenv(name.c_str());
  }
  return taken;
}

std::vector<std::string> Environment::for_children() const {
  constexpr std::array<std::string_view, 9> kOurs = {
      "NOTIFY_SOCKET",  "WATCHDOG_USEC", "WATCHDOG_PID",   "LISTEN_FDS",           "LISTEN_PID",
      "LISTEN_FDNAMES", "INVOCATION_ID", "JOURNAL_STREAM", "CREDENTIALS_DIRECTORY"};
  std::vector<std::string> all;
  for (const auto& [name, value] : plain_) {
    if (std::find(kOurs.begin(), kOurs.end(), name) == kOurs.end()) {
      std::string& entry = all.emplace_back(name);
      entry += '=';
      entry += value;
    }
  }
  return all;
}

std::string Environment::get(std::string_view name) const {
  const auto found = plain_.find(name);
  return found == plain_.end() ? std::string() : found->second;
}

core::Secret Environment::secret(std::string_view name) const {
  const auto found = secrets_.find(name);
  return found == secrets_.end() ? core::Secret() : found->second;
}

}  // namespace options
