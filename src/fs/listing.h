#pragma once
// From the pages of a listing to names.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/key_index.h"
#include "core/result.h"
#include "store/object_store.h"
#include "transfer/list_parts.h"

namespace fs {

/// Looks after the pages of one listing, which come from a service that may be broken: each has to
/// bring something new, and nothing from elsewhere.
class ListingWatch {
 public:
  explicit ListingWatch(std::string prefix = {}) : prefix_(std::move(prefix)) {}
  /// Takes out of the page what an earlier one showed: a service that says a name twice does not
  /// make two files of it.
  /// Errors: Protocol: keys without the prefix, or page after page with nothing new.
  core::Status inspect(store::ListPage& page);

 private:
  std::string prefix_;
  std::string last_key_;  ///< the highest of the pages so far
  int without_news_ = 0;  ///< pages in a row
};

/// The names of one page of a listing.
struct Names {
  std::shared_ptr<const cache::ListedPage> page;
  /// Up to there, by keys behind the prefix, no other page will bring names but for what is held
  /// back; none: this was the last; empty: the page was.
  std::optional<std::string> to;
};

/// The names in one page of a listing of `prefix`, in order of their keys: an object beside a
/// directory of the same name gets its other name, and the marker is shown only for its content.
/// `held_back` takes objects beside which a later page may still bring a directory.
/// The page has been inspected.
Names names_in(const std::string& prefix, const store::ListPage& page,
               std::vector<store::ListedObject>& held_back);

/// How far the listing of one directory has come: makes names of its pages, which come in order,
/// and notes them in the index for whoever asks.
class ListingProgress {
 public:
  /// When a page was asked for, and the index's ticket of then.
  using Asked = transfer::ListParts::Asked;

  /// `key` is the directory's; its listing begins at `from`, a text behind that.
  /// Where its pages do not show a name, `absence` says what that proves.
  explicit ListingProgress(std::string key = {}, std::string from = {},
                           cache::KeyIndex::Absence absence = cache::KeyIndex::Absence::Proved)
      : key_(std::move(key)), absence_(absence), to_(std::move(from)) {}

  [[nodiscard]] const std::string& key() const { return key_; }
  /// Another key of the same directory.
  void rename(std::string key);
  /// The key to go on behind; empty: the listing is at its begin.
  [[nodiscard]] std::string last_key() const;
  /// The page has been inspected.
  Names add(const store::ListPage& page, cache::KeyIndex& index, const Asked& asked);

 private:
  void note(const Names& names, cache::KeyIndex& index, const Asked& asked);

  std::string key_;
  /// Objects at the end of a page beside which a directory of the same name may still come.
  std::vector<store::ListedObject> held_back_;
  cache::KeyIndex::Absence absence_;
  std::string to_;  ///< up to there, behind key_, all is noted but for what is held back
};

}  // namespace fs
