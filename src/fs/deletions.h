#pragma once
// Names that are gone for everybody on this mount, and whose objects are about to go: what makes
// `rm -rf` a matter of few requests.
//
// One request is under way at a time, and takes along all that came up meanwhile: the first goes
// out at once, and none waits longer than for the request before it. Where somebody waits for them
// the rest go out beside it. A name stays claimed until its
// object is gone, so whoever makes it again, renames what it is in or removes that directory waits;
// so does whoever looks it up, and no listing shows it.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/gate.h"
#include "fs/bursts.h"
#include "fs/claims.h"

namespace fs {

/// Threads: any.
class Deletions {
 public:
  explicit Deletions(Mount& mount) : mount_(mount) {}
  Deletions(const Deletions&) = delete;
  Deletions& operator=(const Deletions&) = delete;
  /// Gives up what did not get through yet: flush() comes first.
  ~Deletions();

  /// An object that is to go, and the name that it has.
  struct Deletion {
    NodePtr directory;
    std::string name;
    model::KeyComponent component;
    model::ObjectKey key;  ///< with a slash at its end: a marker
    Claim claim;           ///< of the name
    pid_t caller = 0;
  };

  // The next three, take_failure() and pending() under Mount::mutex: the analysis does not see that
  // the caller's mount is this one.

  /// Whether `caller` need not wait for its next deletion: it is in a burst, and the service is
  /// quick to do what it was asked before.
  [[nodiscard]] bool may_follow(pid_t caller) const NO_THREAD_SAFETY_ANALYSIS;
  /// From here on the caller counts on it. The name leads to no node any more.
  void add(Deletion deletion) NO_THREAD_SAFETY_ANALYSIS;
  /// Somebody is about to wait for what is under way.
  void hurry() NO_THREAD_SAFETY_ANALYSIS;
  /// How a deletion went that its caller waited for.
  void waited_for(pid_t caller, bool removed) EXCLUDES(mount_.mutex);

  /// Waits until nothing of a directory is under way, and reports what failed there since the last
  /// call, once. Errors: Timeout, Cancelled; those of the store.
  core::Status settle(const core::OpContext& context, const NodePtr& directory)
      EXCLUDES(mount_.mutex);
  /// What failed in a directory since the last call, once.
  core::Status take_failure(const Node& directory) NO_THREAD_SAFETY_ANALYSIS;
  /// Waits until nothing is under way. Errors: Timeout, Cancelled.
  core::Status flush(const core::OpContext& context) EXCLUDES(mount_.mutex);

  /// Names under way.
  [[nodiscard]] std::uint64_t pending() const NO_THREAD_SAFETY_ANALYSIS {
    return mount_.leaving.size();
  }

 private:
  void start() REQUIRES(mount_.mutex);
  void run();
  core::Status send(const std::vector<Deletion>& batch) EXCLUDES(mount_.mutex);
  /// What the caller was told has come true, or has not: then every name asks the bucket again.
  void finish(std::vector<Deletion> batch, const core::Status& done) EXCLUDES(mount_.mutex);
  void fail(const std::vector<Deletion>& batch, const core::Error& error) REQUIRES(mount_.mutex);

  Mount& mount_;
  std::stop_source stop_;
  Bursts bursts_ GUARDED_BY(mount_.mutex);
  std::vector<Deletion> queue_ GUARDED_BY(mount_.mutex);
  std::map<InodeNumber, core::Error> failures_ GUARDED_BY(mount_.mutex);  ///< by directory
  std::size_t runs_ GUARDED_BY(mount_.mutex) = 0;
  std::multiset<core::SteadyTime> sent_ GUARDED_BY(mount_.mutex);  ///< requests under way
  core::Gate gate_;
};

}  // namespace fs
