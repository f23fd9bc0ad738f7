#pragma once
// Whether to say of an object in an archive that it has to be restored: once, and again after a
// while, however often a program tries.
#include <map>
#include <string>

#include "core/mutex.h"
#include "core/time.h"

namespace oss {

/// Threads: any.
class ArchiveNotices {
 public:
  static constexpr core::Duration kSilence = std::chrono::hours{1};
  static constexpr std::size_t kMostKeys = 1000;  ///< then all of them may be told again

  bool is_due(const std::string& key, core::SteadyTime now);

 private:
  core::Mutex mutex_{core::LockRank::Leaf};
  std::map<std::string, core::SteadyTime> told_ GUARDED_BY(mutex_);
};

}  // namespace oss
