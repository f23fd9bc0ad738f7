#pragma once
// Going through a tree: whoever lists one directory after another is given the rest by listings
// without a delimiter, of which one page shows a thousand names of however many directories.
#include <list>
#include <memory>
#include <string>

#include "core/mutex.h"
#include "fs/flat_names.h"
#include "fs/mount.h"
#include "transfer/listings.h"

namespace fs {

/// Says when somebody goes through a tree. Pure: a function of the directories listed so far.
/// Threads: one at a time.
class WalkRule {
 public:
  /// A directory's own listing is about to be asked for. True: it is at least the second of the
  /// directories beside each other that are listed in the order of their keys.
  bool listing(const std::string& directory, core::SteadyTime now);

 private:
  struct Seen {
    std::string above;  ///< the key of the directory that they are in
    std::string last;
    core::SteadyTime at{};
  };
  std::list<Seen> seen_;  ///< the latest first
};

/// Threads: any; reach() blocks.
class Walks {
 public:
  explicit Walks(Mount& mount) : mount_(mount) {}
  Walks(const Walks&) = delete;
  Walks& operator=(const Walks&) = delete;

  /// A directory that is not known is about to be listed. Whether it is known now, by the listing
  /// of a tree that has come there. What goes wrong with that is for the directory's own listing to
  /// tell.
  bool reach(const core::OpContext& context, const std::string& directory);

 private:
  struct Walk {
    Walk(Mount& mount, const std::string& prefix, const std::string& start_after);

    std::string prefix;
    transfer::Listing listing;
    ListingWatch watch;
    FlatNames names;
    bool busy = false;
    bool ended = false;
    std::int64_t credit = 0;  ///< names that may still be passed in vain
    core::SteadyTime used{};
  };
  using WalkPtr = std::shared_ptr<Walk>;

  /// The walk that may come to the directory, or a new one; null: there is none. It is busy.
  WalkPtr claim(const core::OpContext& context, const std::string& directory);
  enum class Reached : std::uint8_t {
    Known,
    TooLate,  ///< what was listed of it is not believed any more
    Not,
  };
  static Reached go_to(const core::OpContext& context, Mount& mount, Walk& walk,
                       const std::string& directory);
  void release(const WalkPtr& walk, Reached reached);
  [[nodiscard]] std::size_t ahead() const;

  Mount& mount_;
  mutable core::Mutex mutex_{core::LockRank::Cache};
  core::CondVar released_;
  WalkRule rule_ GUARDED_BY(mutex_);
  std::list<WalkPtr> walks_ GUARDED_BY(mutex_);
  /// Pages ahead that programs have come to before they were too old.
  std::size_t ahead_ GUARDED_BY(mutex_) = transfer::ListParts::kMostAhead;
};

}  // namespace fs
