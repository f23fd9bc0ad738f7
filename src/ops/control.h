#pragma once
// The control socket: how `stsfs status` and `stsfs umount` talk to a running mount. One request,
// then answers, each one line of JSON; the socket's mode 0600 is the access rule.
#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/result.h"
#include "core/time.h"
#include "ops/status.h"

namespace ops {

/// How far an unmount has come.
struct Progress {
  std::uint64_t dirty_files = 0;
  std::uint64_t dirty_bytes = 0;
  std::uint64_t sent_bytes = 0;     ///< since it began
  core::Duration elapsed{0};        ///< since it began
  std::uint64_t bytes_to_send = 0;  ///< when it began

  /// Nothing while nobody can tell.
  [[nodiscard]] std::optional<core::Duration> left() const;
};
/// "3 files, 12.0 MiB to upload, 5.1 MiB/s, 2s left".
std::string describe(const Progress& progress);

/// What the socket asks of the mount. Called from the socket's threads, several at once.
class ControlHandler : public StatusSource {
 public:
  using Report = std::function<void(const Progress&)>;
  /// Uploads everything and unmounts; returns when the mount point is free. `report` is called now
  /// and then. With `lazy` a mount point in use is detached.
  /// Errors: Busy where somebody uses the mount, or it is mounted elsewhere as well; Timeout when
  ///         not everything was uploaded in time; the mount then stays.
  virtual core::Status unmount(core::Duration timeout, bool lazy, const Report& report) = 0;
};

/// Where the control socket of a mount lies: `directory`/<hash of the mount point>.sock.
std::string control_path(const std::string& directory, const std::string& mount_point);

class ControlServer {
 public:
  /// Replaces a socket that nobody answers at. Errors: Busy where somebody does.
  static core::Result<std::unique_ptr<ControlServer>> listen(const std::string& path,
                                                             ControlHandler& handler);
  /// Removes the socket, and waits for requests under way.
  virtual ~ControlServer() = default;
};

/// The other end. Each call opens a connection of its own.
/// Errors: NotFound where nobody listens; Denied; Protocol; what the daemon said.
class ControlClient {
 public:
  explicit ControlClient(std::string path) : path_(std::move(path)) {}
  /// The daemon's status as the JSON it sent.
  [[nodiscard]] core::Result<std::string> status() const;
  /// Asks for ControlHandler::unmount, then waits for the daemon's end.
  [[nodiscard]] core::Status unmount(core::Duration timeout, bool lazy,
                                     const ControlHandler::Report& report) const;

 private:
  std::string path_;
};

}  // namespace ops
