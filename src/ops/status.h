#pragma once
// What an operator sees of a mount: values that `app` collects, and their two spellings.
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace ops {

/// No secret is in here, and none can be: `app` has none to put in.
struct MountStatus {
  std::string version;
  pid_t pid = 0;
  core::WallTime now;  ///< when this was collected
  core::WallTime started;
  std::string mount_point;
  std::string source;  ///< "oss://bucket/prefix"
  std::string endpoint;
  std::string state;  ///< "mounted", "draining", "unmounting"

  struct Credentials {
    std::string source;  ///< "AssumeRole acs:ram::1:role/x over environment"
    std::string access_key_id;
    std::string role;  ///< empty without AssumeRole
    std::optional<core::WallTime> expires;
    std::optional<core::WallTime> next_renewal;
    std::uint64_t renewals = 0;
    std::uint64_t failures = 0;
    std::uint64_t rejections = 0;
    bool degraded = false;
    std::string last_error;
  } credentials;

  struct Files {
    std::uint64_t inodes = 0;
    std::uint64_t open = 0;
    std::uint64_t dirty = 0;
    std::uint64_t dirty_bytes = 0;
    std::uint64_t uploads_under_way = 0;
    std::uint64_t failed_uploads = 0;
    std::uint64_t deletions_under_way = 0;  ///< of names that are gone already
    std::uint64_t conflicts = 0;
    std::uint64_t safe_here = 0;  ///< of the dirty ones: whose content outlives the daemon
    std::uint64_t staged_bytes = 0;
    std::uint64_t staging_limit_bytes = 0;
    std::uint64_t cached_bytes = 0;
  } files;

  /// Of a directory.
  struct Rename {
    std::string from;
    std::string to;
    std::uint64_t objects = 0;
    std::uint64_t objects_done = 0;
    std::uint64_t bytes = 0;
    std::uint64_t bytes_done = 0;
  };
  std::vector<Rename> renames;  ///< under way

  /// Bytes. All but the first two are about what the parts of a mount hold within their shares.
  struct Memory {
    std::uint64_t limit_bytes = 0;     ///< of --memory-limit
    std::uint64_t resident_bytes = 0;  ///< of the process, as the system counts it
    std::uint64_t blocks_bytes = 0;    ///< of files
    std::uint64_t names_bytes = 0;
    std::uint64_t nodes_bytes = 0;    ///< inodes that the kernel knows
    std::uint64_t objects_bytes = 0;  ///< what was learnt of objects
    std::uint64_t pages_bytes = 0;    ///< of listings, not read yet
  } memory;

  std::string last_error;
  std::optional<core::WallTime> last_error_at;
  std::map<std::string, std::int64_t> requests;  ///< sent, by operation
  std::map<std::string, std::int64_t> metrics;   ///< everything that is counted, by name
  std::vector<std::pair<std::string, std::string>> options;  ///< that differ from the default
};

/// Whoever knows. Called from the control socket's threads.
class StatusSource {
 public:
  virtual ~StatusSource() = default;
  virtual MountStatus status() = 0;
};

/// One JSON object. `indent` below 0: on one line.
std::string to_json(const MountStatus& status, int indent = -1);
/// The reverse, of what another version may have written: what is missing stays empty.
/// Errors: Protocol.
core::Result<MountStatus> parse_status(std::string_view json);
/// Several lines for people.
std::string describe(const MountStatus& status);
/// One line: "token good until 14:32:07; 3 files, 12.0 MiB to upload".
std::string summarize(const MountStatus& status);

}  // namespace ops
