#pragma once
#include <deque>
#include <string>
#include <unordered_set>

#include "core/mutex.h"
#include "core/result.h"
#include "http/message.h"

namespace oss {

/// The request ids of the latest answers. The service gives each answer one of its own. So a
/// success without is somebody else's (a login page, a proxy), and one that comes twice is an old
/// answer on a connection that has got out of step: it answers another request than ours, and may
/// be plausible in everything else. Threads: any.
class AnswerIds {
 public:
  /// Remembers the id of an answer.
  /// Errors: Protocol for a success without; Unavailable when it was there before.
  core::Status check(const http::Response& head);

 private:
  core::Mutex mutex_{core::LockRank::Leaf};
  std::unordered_set<std::string> known_ GUARDED_BY(mutex_);
  std::deque<std::string> order_ GUARDED_BY(mutex_);
};

}  // namespace oss
