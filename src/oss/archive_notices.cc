#include "oss/archive_notices.h"

namespace oss {

bool ArchiveNotices::is_due(const std::string& key, core::SteadyTime now) {
  const core::MutexLock lock(mutex_);
  const auto [at, first] = told_.try_emplace(key, now);
  if (!first && now - at->second < kSilence) {
    return false;
  }
  at->second = now;
  if (told_.size() > kMostKeys) {
    told_.clear();
  }
  return true;
}

}  // namespace oss
