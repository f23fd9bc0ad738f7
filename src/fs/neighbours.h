#pragma once
// Looks at names that nothing is known of: who looks at several in one directory is better served
// by a page of its listing, which tells of a thousand, than by two requests for each.
#include <map>
#include <set>
#include <string>

#include "core/mutex.h"
#include "fs/ahead.h"
#include "fs/mount.h"

namespace fs {

/// Says when a page is worth it. Pure: a function of the looks so far.
/// Threads: one at a time.
class NeighbourRule {
 public:
  /// A look at a name of the directory of which nothing is known. True: bring a page.
  bool unknown(const std::string& directory, core::SteadyTime now);
  /// A look that needed no request.
  void served(const std::string& directory);

 private:
  /// Looks pay for pages, and a page that served nobody makes the next one dearer.
  struct Account {
    unsigned credit = 0;
    unsigned price = 0;
    core::SteadyTime used{};
  };
  std::map<std::string, Account> accounts_;
};

/// Threads: any; bring() blocks.
class Neighbours {
 public:
  Neighbours(Mount& mount, Ahead& ahead) : mount_(mount), ahead_(ahead) {}
  Neighbours(const Neighbours&) = delete;
  Neighbours& operator=(const Neighbours&) = delete;

  /// Somebody looks at a name whose component is `component`, and nothing is known of it. True: the
  /// index was brought what is around it, so ask there again. Errors are for whoever asks for the
  /// name alone.
  bool bring(const core::OpContext& context, const std::string& directory,
             const std::string& component);
  void served(const std::string& directory);

 private:
  bool list(const core::OpContext& context, const std::string& directory,
            const std::string& component);

  Mount& mount_;
  Ahead& ahead_;
  core::Mutex mutex_{core::LockRank::Cache};
  core::CondVar listed_;
  NeighbourRule rule_ GUARDED_BY(mutex_);
  std::set<std::string> under_way_ GUARDED_BY(mutex_);  ///< directories
};

}  // namespace fs
