#pragma once
#include <cstdint>
#include <deque>
#include <span>

#include "core/mutex.h"
#include "fs/file_system.h"

namespace fuse {

/// What the kernel has forgotten, and the file system has not yet. Under memory pressure that is
/// hundreds of thousands of inodes in a few messages: one thread at a time works them off, and lets
/// everybody else go first.
/// Threads: any.
class Forgets {
 public:
  struct Forgotten {
    fs::InodeNumber inode;
    std::uint64_t lookups;
  };
  explicit Forgets(fs::FileSystem& fs) : fs_(fs) {}
  Forgets(const Forgets&) = delete;
  Forgets& operator=(const Forgets&) = delete;
  ~Forgets() = default;

  /// True: the caller has to see to it that work_off() is called; nobody else does.
  [[nodiscard]] bool add(std::span<const Forgotten> forgets);
  /// Until there is nothing left.
  void work_off();

 private:
  fs::FileSystem& fs_;
  core::Mutex mutex_{core::LockRank::Leaf};
  std::deque<Forgotten> waiting_ GUARDED_BY(mutex_);
  bool at_work_ GUARDED_BY(mutex_) = false;
};

}  // namespace fuse
