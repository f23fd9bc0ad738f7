#pragma once
// What we remember of names that nobody holds open: rows of listings, names known to be absent, and
// directories known completely. Everything expires; every change of ours makes it forget.
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/mutex.h"
#include "model/object_key.h"

namespace cache {

/// One name in a directory, as far as a listing shows it.
struct ListedName {
  std::string name;               ///< of the file, mapped (model/names.h)
  std::string component;          ///< of the key
  bool beside_directory = false;  ///< the object, where a directory has the plain name
  bool directory = false;
  bool symlink = false;  ///< a Symlink object: neither length nor target are in the listing
  std::uint64_t size = 0;
  model::ETag etag;
  core::WallTime last_modified;

  /// Its key behind that of the directory, which is what listings are in the order of.
  [[nodiscard]] std::string key() const { return component + (directory ? "/" : ""); }
};

/// Directories are named by their key prefix ("", "a/b/").
///
/// An answer from the bucket that was asked for before a change of ours must not be remembered
/// after it: take a ticket() before asking and hand it in with the answer, which is then dropped if
/// it came too late. Threads: any.
class MetadataCache {
 public:
  using Ticket = std::uint64_t;
  using Page = std::vector<ListedName>;
  /// A whole directory, as it was listed. Shared, never copied.
  using Pages = std::vector<std::shared_ptr<const Page>>;

  /// A lifetime of zero remembers nothing. Beyond `most_names` everything is forgotten.
  MetadataCache(core::Clock& clock, core::Duration lifetime, std::size_t most_names = 500'000);

  struct Answer {
    enum class Kind : std::uint8_t { Unknown, Absent, Listed };
    Kind kind = Kind::Unknown;
    std::shared_ptr<const ListedName> listed;  ///< when Listed
    core::SteadyTime until;                    ///< how long that holds
  };
  [[nodiscard]] Answer find(const std::string& directory, const std::string& name) const;

  struct Complete {
    bool known = false;
    Pages pages;
    core::SteadyTime until;
  };
  /// The whole directory, if it is known and nothing changed in it since.
  [[nodiscard]] Complete listing(const std::string& directory) const;

  [[nodiscard]] Ticket ticket() const;
  void add_absent(const std::string& directory, const std::string& name, Ticket ticket);
  /// Some of a directory's names, just listed.
  void add_page(const std::string& directory, const std::shared_ptr<const Page>& page,
                Ticket ticket);
  /// All of them; listing began at `since`.
  void add_listing(const std::string& directory, Pages all, Ticket ticket, core::SteadyTime since);

  /// The one thing to call when a name was made, removed, or became something else.
  void changed(const std::string& directory, const std::string& name);
  /// The same for everything whose directory begins with `prefix`.
  void changed_tree(const std::string& prefix);

 private:
  struct Row {
    std::shared_ptr<const ListedName> listed;  ///< none: known to be absent
    core::SteadyTime until;
  };
  struct Directory {
    std::unordered_map<std::string, Row> rows;
    Pages pages;
    bool pages_valid = false;           ///< `pages` are all of it, and nothing changed since
    core::SteadyTime complete_until{};  ///< names without a row are absent until then …
    std::set<std::string> changed;      ///< … but for these
    Ticket changed_at = 0;
    core::SteadyTime last_until{};  ///< when the last of all this has expired
  };

  /// Where to put an answer; none if it came too late.
  Directory* accept(const std::string& directory, Ticket ticket) REQUIRES(mutex_);
  void sweep() REQUIRES(mutex_);
  using Directories = std::map<std::string, Directory>;
  /// Takes a directory out. What it holds may be a lot: it goes with compost().
  Directories::iterator bury(Directories::iterator at) REQUIRES(mutex_);
  /// What was taken out, to be dropped without the lock by those who may take their time.
  std::vector<Directories::node_type> compost() REQUIRES(mutex_) {
    return std::exchange(buried_, {});
  }

  core::Clock& clock_;
  const core::Duration lifetime_;
  const std::size_t most_names_;
  mutable core::Mutex mutex_{core::LockRank::Cache};
  Directories directories_ GUARDED_BY(mutex_);
  std::vector<Directories::node_type> buried_ GUARDED_BY(mutex_);
  std::size_t names_ GUARDED_BY(mutex_) = 0;
  Ticket changes_ GUARDED_BY(mutex_) = 0;
  Ticket forgotten_at_ GUARDED_BY(mutex_) = 0;  ///< changed_at of directories no longer here
  core::SteadyTime next_sweep_ GUARDED_BY(mutex_){};
};

}  // namespace cache
