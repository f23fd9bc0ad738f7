#pragma once
// What the bucket told of objects that nobody may know any more by a node: for a moment as what is
// there, and for as long as that state of the object lasts as what it is.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/clock.h"
#include "core/mutex.h"
#include "fs/bucket.h"
#include "fs/types.h"
#include "state/remembered.h"

namespace state {
class ObjectMemory;
}

namespace fs {

/// What the bucket told of a name. What was found is shared with whoever remembers it.
struct Answer {
  std::shared_ptr<const Found> found;  ///< none: nothing has the name
  core::SteadyTime until{};            ///< how long that holds
};

/// Keys of directories end in '/'. An answer that was asked for before a change of ours must not be
/// remembered after it: take a ticket() before asking, and hand it in with the answer.
/// Threads: any; never waits for the network.
class Learnt {
 public:
  using Ticket = std::uint64_t;

  /// `memory` may be null: then nothing is known of what was learnt in another life. It never takes
  /// more than `most_bytes`.
  Learnt(core::Clock& clock, core::Duration lifetime, state::ObjectMemory* memory,
         std::size_t most_bytes)
      : clock_(clock), lifetime_(lifetime), memory_(memory), most_bytes_(most_bytes) {}

  [[nodiscard]] Ticket ticket() const;
  /// `asked` is when the question was sent: how long the answer holds counts from there.
  /// `brought`: the object's bytes were fetched with it, ahead of somebody who will open it.
  void add(const std::string& key, std::shared_ptr<const Found> found, core::SteadyTime asked,
           Ticket ticket, bool brought = false);

  /// What is there, as the metadata lifetime allows.
  [[nodiscard]] std::optional<Answer> fresh(const std::string& key) const;
  /// The same of an object whose bytes were fetched with it; once, so that whoever opens it again
  /// asks.
  [[nodiscard]] std::optional<Answer> take_brought(const std::string& key);
  [[nodiscard]] bool is_brought(const std::string& key) const;
  /// What the object is that a listing shows with these; none: unknown. Its component may be
  /// missing.
  [[nodiscard]] std::shared_ptr<const Found> of_state(const std::string& key, std::string_view etag,
                                                      core::WallTime last_modified) const;

  /// Calls to mind what the memory has of a page of a directory's listing, from the first of its
  /// names to the last ("name", "subdirectory/"). On disk.
  void recall(const std::string& directory, const std::string& first, const std::string& last);
  /// The number that a version has been known by; else that of its key and ETag.
  [[nodiscard]] InodeNumber number(const std::string& key, const model::ETag& etag) const;
  /// The same, also from the memory. On disk.
  void recall_number(const std::string& key);
  /// The key of a number, as far as the memory goes. On disk.
  [[nodiscard]] std::optional<std::string> key_of_number(InodeNumber number) const;
  /// Notes by which number the kernel knows a version; of an object whose state is settled also all
  /// that was said of it (null: nothing).
  void remember(const std::string& key, const model::ETag& etag, InodeNumber number,
                const store::ObjectMeta* meta);

  /// We changed what is at `key`.
  void changed(const std::string& key);
  /// The same for everything whose key begins with `prefix`.
  void changed_tree(const std::string& prefix);

  /// What it takes in memory, about.
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Row {
    Answer told;
    InodeNumber remembered =
        0;  ///< the memory has it, in this state, by this number; 0: it may not
    bool brought = false;

    [[nodiscard]] bool is_brought(core::SteadyTime now) const {
      return brought && told.until > now;
    }
    [[nodiscard]] bool is_of_state(std::string_view etag, core::WallTime last_modified) const;
  };
  using Rows = std::unordered_map<std::string, Row>;
  /// Rows, and what they take.
  struct Generation {
    Rows rows;
    std::size_t bytes = 0;

    void erase(const std::string& key);
    void erase_tree(const std::string& prefix);
  };
  struct Known {
    model::ETag etag;
    InodeNumber number = 0;
  };
  using Changes = std::unordered_map<std::string, Ticket>;
  [[nodiscard]] Ticket last_change(const std::string& key) const REQUIRES(mutex_);
  void note(Changes& changes, const std::string& what) REQUIRES(mutex_);
  void add_number(const state::Remembered& about) REQUIRES(mutex_);
  void erase_number(const std::string& key) REQUIRES(mutex_);
  /// Shape: a generation that ended, to be dropped without the lock; usually empty.
  [[nodiscard]] Generation put(const std::string& key, Row row) REQUIRES(mutex_);
  [[nodiscard]] static std::size_t bytes_of_row(const std::string& key, const Row& row);
  [[nodiscard]] static std::size_t bytes_of_number(const std::string& key, const Known& known);
  [[nodiscard]] const Row* find(const std::string& key) const REQUIRES(mutex_);
  [[nodiscard]] Row* find(const std::string& key) REQUIRES(mutex_);

  core::Clock& clock_;
  const core::Duration lifetime_;
  state::ObjectMemory* const memory_;
  const std::size_t most_bytes_;
  mutable core::Mutex mutex_{core::LockRank::Cache};
  // Two generations: when the younger is full the older one goes, all at once.
  Generation young_ GUARDED_BY(mutex_);
  Generation old_ GUARDED_BY(mutex_);
  std::unordered_map<std::string, Known> numbers_ GUARDED_BY(mutex_);
  std::size_t number_bytes_ GUARDED_BY(mutex_) = 0;
  Changes changed_ GUARDED_BY(mutex_);        ///< by key
  Changes changed_trees_ GUARDED_BY(mutex_);  ///< by prefix; every one ends in '/'
  Ticket changes_ GUARDED_BY(mutex_) = 0;
  Ticket floor_ GUARDED_BY(mutex_) = 0;  ///< of what those two have forgotten
};

/// Whether Last-Modified, which counts seconds, tells this state of an object from any later one:
/// it was at least two of them old when the service answered.
bool is_settled(const store::ObjectMeta& meta);

}  // namespace fs
