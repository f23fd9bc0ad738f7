#pragma once
#include <atomic>
#include <string>
#include <vector>

#include "core/gate.h"
#include "fs/mount.h"

namespace fs {

/// Keeps the number of nodes in bounds. A node lasts as long as the kernel knows its inode, and the
/// kernel has no reason of ours to forget: where there are too many, it is asked to. What programs
/// have open stays, and so do directories, which may be somebody's working directory; a file that
/// is looked at again is looked up again.
/// Threads: any. It has no effect on who uses the mount but that.
class Crowd {
 public:
  explicit Crowd(Mount& mount);
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd();

  /// Who is asked; null: nobody any more, for good, once this returns.
  void attach(KernelCache* kernel);

 private:
  struct Name {
    InodeNumber directory;
    std::string name;
  };
  /// Called when a node was added to too many.
  void begin();
  void thin_out();
  /// Asks for as many as are too many now: they go when the kernel has forgotten them, by its own
  /// messages, so that there may be as many still.
  void ask_once();
  /// Of the next nodes, `count` or a few more, those that may go.
  std::vector<Name> some(std::size_t count) REQUIRES(mount_.mutex);

  Mount& mount_;
  std::atomic<KernelCache*> kernel_ = nullptr;
  std::atomic<bool> at_work_ = false;
  std::atomic<bool> again_ = false;  ///< a node was added since the last look
  core::Gate telling_;
};

}  // namespace fs
