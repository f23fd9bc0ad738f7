#pragma once
// What the options mean: typed, checked against each other, with defaults that depend on the host.
#include <sys/types.h>

#include <optional>
#include <string>

#include "app/location.h"
#include "app/memory.h"
#include "cred/source_factory.h"
#include "curl/transport.h"
#include "fs/file_system.h"
#include "http/message.h"
#include "options/environment.h"
#include "options/values.h"
#include "oss/store.h"
#include "state/journal_rows.h"
#include "transfer/downloads.h"
#include "transfer/uploads.h"

namespace app {

/// Who asks, and where: what every request needs.
struct ServiceSettings {
  std::string endpoint_text;  ///< as given, for people
  oss::Options store;
  curl::Options transport;
  cred::SourceSettings source;
  core::Duration credential_wait{0};
  core::Duration mount_timeout{0};
};

struct MountSettings {
  ServiceSettings service;
  Location location;
  std::string mount_point;  ///< absolute
  std::string fsname;
  bool allow_other = false;
  bool noexec = false;
  bool kernel_writes_back = false;
  bool foreground = false;
  MemoryShares memory;
  fs::Options files;
  transfer::DownloadOptions downloads;
  transfer::UploadOptions uploads;
  std::string state_dir;    ///< as told; empty: by rule
  std::string runtime_dir;  ///< as told; empty: by rule
  std::uint64_t staging_limit_bytes = 0;
  bool staging_on_tmpfs = false;
  core::Duration drain_timeout{0};
  core::Duration publish_after{0};                         ///< 0: never
  std::vector<std::pair<std::string, std::string>> given;  ///< options as given, for status
};

/// Errors: InvalidArgument or Unsupported, in one line for people.
core::Result<ServiceSettings> service_settings(const options::Values& values,
                                               const options::Environment& environment,
                                               const std::optional<Location>& location);
core::Result<MountSettings> mount_settings(const options::Values& values,
                                           const options::Environment& environment);

/// Whose journal the mount keeps.
state::Identity journal_identity(const MountSettings& settings);

}  // namespace app
