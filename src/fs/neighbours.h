#pragma once
// Looks at names that nothing is known of: who looks at several in one directory is better served
// by a page of its listing, which tells of a thousand, than by two requests for each.
//
// Who makes one file after another in a directory has the kernel look at each name first, and none
// is there. So while a directory is being filled its pages are asked for again before they expire,
// and prove that what they do not show is absent.
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "core/gate.h"
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
  /// A name of the directory is about to be made.
  void made(const std::string& directory, core::SteadyTime now);
  /// The directory itself was just made, mostly to be filled: the first name makes it so.
  void born(const std::string& directory, core::SteadyTime now);
  /// Whether names are made there one after another.
  [[nodiscard]] bool is_filled(const std::string& directory, core::SteadyTime now) const;

 private:
  /// Looks pay for pages, and a page that served nobody makes the next one dearer.
  struct Account {
    unsigned credit = 0;
    unsigned price = 0;
    core::SteadyTime used{};
    unsigned made = 0;  ///< names in a row, none long after the one before
    core::SteadyTime made_at{};

    [[nodiscard]] bool is_filled(core::SteadyTime now) const;
    [[nodiscard]] unsigned first_price(core::SteadyTime now) const;
  };
  Account& account_of(const std::string& directory, core::SteadyTime now);
  std::map<std::string, Account> accounts_;
};

/// Threads: any; bring() blocks.
class Neighbours {
 public:
  Neighbours(Mount& mount, Ahead& ahead) : mount_(mount), ahead_(ahead) {}
  Neighbours(const Neighbours&) = delete;
  Neighbours& operator=(const Neighbours&) = delete;
  ~Neighbours();

  /// Somebody looks at a name whose component is `component`, and nothing is known of it. True: the
  /// index was brought what is around it, so ask there again. Errors are for whoever asks for the
  /// name alone.
  bool bring(const core::OpContext& context, const std::string& directory,
             const std::string& component);
  /// A look at `component` was answered from what is known until `until`.
  void served(const std::string& directory, const std::string& component, core::SteadyTime until);
  /// A name is about to be made.
  void made(const std::string& directory);
  /// The directory itself was made.
  void born(const std::string& directory);

 private:
  bool list(const core::OpContext& context, const std::string& directory,
            const std::string& component, cache::KeyIndex::Absence absence);
  /// One page. Shape: up to which key behind the directory's it tells; empty: all that follows.
  std::optional<std::string> list_from(const core::OpContext& context, const std::string& directory,
                                       const std::string& start_after,
                                       cache::KeyIndex::Absence absence);
  /// Brings the page of a directory that is being filled again, in the background.
  void renew(const std::string& directory, const std::string& component);
  void end(const std::string& directory);

  Mount& mount_;
  Ahead& ahead_;
  core::Mutex mutex_{core::LockRank::Cache};
  core::CondVar listed_;
  NeighbourRule rule_ GUARDED_BY(mutex_);
  std::set<std::string> under_way_ GUARDED_BY(mutex_);  ///< directories
  std::set<std::string> large_ GUARDED_BY(mutex_);      ///< those that one page does not hold
  std::stop_source stop_;
  core::Gate renewing_;
};

}  // namespace fs
