#pragma once
// What we remember of names that nobody holds open: which names listings have shown, between which
// keys they are all that there is, and which names are known to be absent. Everything expires;
// what we change ourselves is known from then on only as far as we say.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cache/listed_page.h"
#include "core/clock.h"
#include "core/mutex.h"

namespace cache {

/// A part of a directory's key space, by keys behind that of the directory: from `from` up to `to`,
/// which is not in it; no `to`: up to the end.
struct KeySpan {
  std::string from;
  std::optional<std::string> to;

  [[nodiscard]] bool is_all() const { return from.empty() && !to; }
  friend bool operator==(const KeySpan&, const KeySpan&) = default;
};

/// Directories are named by their key prefix ("", "a/b/").
///
/// An answer from the bucket that was asked for before a change of ours must not be remembered of
/// what was changed: take a ticket() before asking and hand it in with the answer.
/// Threads: any.
class KeyIndex {
 public:
  using Ticket = std::uint64_t;
  using Page = std::shared_ptr<const ListedPage>;

  /// A lifetime of zero remembers nothing. It never takes more than `most_bytes`, and what the last
  /// answer had: before that, the older half is forgotten.
  KeyIndex(core::Clock& clock, core::Duration lifetime, std::size_t most_bytes);

  struct Answer {
    enum class Kind : std::uint8_t { Unknown, Absent, Listed };
    Kind kind = Kind::Unknown;
    Page page;               ///< when Listed: what `row` is of
    ListedName row;          ///< when Listed
    core::SteadyTime until;  ///< how long that holds

    [[nodiscard]] const ListedName* listed() const { return page ? &row : nullptr; }
  };
  [[nodiscard]] Answer find(const std::string& directory, const std::string& name) const;

  struct Complete {
    bool known = false;
    std::vector<Page> pages;
    core::SteadyTime until;
  };
  /// The whole directory, if all of it is known.
  [[nodiscard]] Complete listing(const std::string& directory);
  /// Whether it is, without making it.
  [[nodiscard]] bool is_complete(const std::string& directory) const;

  [[nodiscard]] Ticket ticket() const;
  void add_absent(const std::string& directory, const std::string& name, Ticket ticket);
  /// Whether a page is believed where it does not show a name.
  enum class Absence : std::uint8_t { Proved, NotProved };
  /// All names in a part of a directory; `asked` is when that was asked for.
  void add_page(const std::string& directory, Page page, KeySpan span, Ticket ticket,
                core::SteadyTime asked, Absence absence = Absence::Proved);

  /// The one thing to call when a name was made, removed, or became something else.
  /// Returns the first ticket that is of an answer to what was asked behind it.
  Ticket changed(const std::string& directory, const std::string& name);
  /// The same for everything whose directory begins with `prefix`.
  void changed_tree(const std::string& prefix);

  /// What it takes in memory, about.
  [[nodiscard]] std::size_t bytes() const;

 private:
  /// What one listing showed. The page may have names outside the span, which do not count.
  struct Part {
    KeySpan span;
    Page page;
    core::SteadyTime until;
    Absence absence = Absence::Proved;
  };
  /// What is known of one name beside what listings showed before.
  struct Change {
    bool absent = false;  ///< false: not known
    core::SteadyTime until;
    Ticket at = 0;
  };
  struct Directory {
    std::vector<Part> parts;  ///< in order, apart from each other
    std::map<std::string, Change> changes;
    Ticket floor = 0;               ///< answers that were asked for before are void
    Ticket changed_at = 0;          ///< the latest of `changes`
    core::SteadyTime last_until{};  ///< when the last of all this has expired
    std::size_t bytes = 0;
  };
  using Directories = std::map<std::string, Directory>;
  using Ended = std::vector<Directories::node_type>;

  /// Where to put an answer; none if it came too late.
  Directory* accept(const std::string& directory, Ticket ticket) REQUIRES(mutex_);
  Directory& make(const std::string& directory) REQUIRES(mutex_);
  /// The part that has the key; null if none has.
  static const Part* part_at(const Directory& known, std::string_view key);
  /// The row of a name whose component is known.
  [[nodiscard]] static Answer find_component(const Directory& known, const std::string& name,
                                             const std::string& component, core::SteadyTime now);
  /// The row of a name that its key cannot be told from.
  [[nodiscard]] static Answer find_renamed(const Directory& known, const std::string& name,
                                           core::SteadyTime now);
  [[nodiscard]] bool is_complete(const Directory& known) const REQUIRES(mutex_);
  /// Brings into the pages what `changes` say of their names.
  void settle(Directory& known) REQUIRES(mutex_);
  void place(Directory& known, Part part) REQUIRES(mutex_);
  void note(Directory& known, const std::string& name, Change change) REQUIRES(mutex_);
  void sweep() REQUIRES(mutex_);
  void halve() REQUIRES(mutex_);
  /// Takes a directory out. What it holds may be a lot: it goes with compost().
  Directories::iterator bury(Directories::iterator at) REQUIRES(mutex_);
  /// What was taken out, to be dropped without the lock by those who may take their time.
  Ended compost() REQUIRES(mutex_) {
    buried_bytes_ = 0;
    return std::exchange(buried_, {});
  }

  core::Clock& clock_;
  const core::Duration lifetime_;
  const std::size_t most_bytes_;
  mutable core::Mutex mutex_{core::LockRank::Cache};
  Directories directories_ GUARDED_BY(mutex_);
  Ended buried_ GUARDED_BY(mutex_);
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;         ///< of directories_
  std::size_t buried_bytes_ GUARDED_BY(mutex_) = 0;  ///< of buried_
  Ticket changes_ GUARDED_BY(mutex_) = 0;
  Ticket forgotten_at_ GUARDED_BY(mutex_) = 0;  ///< changed_at of directories no longer here
  core::SteadyTime next_sweep_ GUARDED_BY(mutex_){};
};

}  // namespace cache
