#pragma once
// Knowing that files changed.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"

namespace core {

/// Tells of changes until it ends; its end waits for a call that is under way.
class FileWatch {
 public:
  FileWatch() = default;
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;
  virtual ~FileWatch() = default;
};

/// Threads: any.
class FileWatcher {
 public:
  FileWatcher() = default;
  FileWatcher(const FileWatcher&) = delete;
  FileWatcher& operator=(const FileWatcher&) = delete;
  virtual ~FileWatcher() = default;

  /// Calls `changed` after each change of what the absolute paths `paths` mean: a file written and
  /// closed, replaced, removed, or with another mode; anything directly inside where a path is a
  /// directory; and the same brought about further up, by a directory or symbolic link on the way
  /// that was swapped. What does not exist yet is waited for. A burst of changes is one call.
  /// Calls come one at a time, on a thread of the watch's own.
  /// Errors: os_error's, where the system's limit of watches is reached for example.
  virtual Result<std::unique_ptr<FileWatch>> watch(std::vector<std::string> paths,
                                                   std::function<void()> changed) = 0;
};

/// The real thing. Source: inotify(7).
std::unique_ptr<FileWatcher> system_file_watcher();

}  // namespace core
