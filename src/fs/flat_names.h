#pragma once
#include <optional>
#include <string>
#include <vector>

#include "fs/listing.h"

namespace fs {

/// Makes the directories' names of a listing without a delimiter, which shows all keys below a
/// prefix in order: every directory in there is complete when the listing has passed it.
/// Threads: one at a time.
class FlatNames {
 public:
  /// The listing of `prefix` begins behind the key `start_after`, which begins with it.
  FlatNames(cache::KeyIndex& index, std::string prefix, const std::string& start_after);

  /// The next page, which has been inspected.
  void add(store::ListPage page, const ListingProgress::Asked& asked);
  /// All that has begun with `key`, if anything, was in the pages so far.
  [[nodiscard]] bool has_passed(const std::string& key) const {
    return ended_ || (position_ > key && !position_.starts_with(key));
  }

 private:
  /// A directory that the listing is in.
  struct Open {
    ListingProgress progress;
    store::ListPage pending;
    /// Of the oldest page that told of what is pending; nothing: none has.
    std::optional<ListingProgress::Asked> asked;
  };
  void enter(std::string key);
  /// Brings what was shown of the innermost directory to the index; `more` may still come.
  void flush(bool more);
  void leave(const ListingProgress::Asked& asked);
  /// Goes on to where `key` lies.
  void go_to(const std::string& key, const ListingProgress::Asked& asked);

  cache::KeyIndex& index_;
  std::vector<Open> open_;
  std::string position_;  ///< the last key
  bool ended_ = false;
};

}  // namespace fs
