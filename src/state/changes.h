#pragma once
// What is to be written and is not yet: the newest word on each key, searchable. Pure.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "state/row.h"

namespace state {

/// Applied to a table: first every tree is forgotten, then each row written or forgotten.
/// Threads: one at a time.
class Changes {
 public:
  using Row = std::shared_ptr<const Remembered>;  ///< none: forgotten
  using Names = std::map<std::string, Row, std::less<>>;
  /// What was read, and is to count as used: names of one directory, inclusive.
  struct Used {
    std::string directory;
    std::string first;
    std::string last;
  };

  void remember(Row row);
  void forget(std::string_view key);
  /// `prefix` is empty or ends in '/'; the row of the directory itself goes too.
  void forget_tree(std::string_view prefix);
  void use(Used used) { used_.push_back(std::move(used)); }

  /// Nothing: no word on this place. A row of none: it is forgotten.
  [[nodiscard]] std::optional<Row> find(std::string_view directory, std::string_view name) const;
  /// Those among `first` to `last`, inclusive.
  void collect(std::string_view directory, std::string_view first, std::string_view last,
               Names& into) const;
  /// All of the directory that was written before is forgotten.
  [[nodiscard]] bool forgets(std::string_view directory) const;
  [[nodiscard]] Row by_inode(std::uint64_t inode) const;

  [[nodiscard]] bool empty() const { return rows_ == 0 && trees_.empty() && used_.empty(); }
  [[nodiscard]] std::size_t rows() const { return rows_; }  ///< written and forgotten
  [[nodiscard]] bool forgets_any() const { return forgets_any_; }
  [[nodiscard]] const std::set<std::string, std::less<>>& trees() const { return trees_; }
  [[nodiscard]] const std::map<std::string, Names, std::less<>>& directories() const {
    return directories_;
  }
  [[nodiscard]] const std::vector<Used>& used() const { return used_; }

 private:
  void put(Place place, Row row);

  std::map<std::string, Names, std::less<>> directories_;
  std::size_t rows_ = 0;
  std::set<std::string, std::less<>> trees_;
  bool forgets_any_ = false;
  std::vector<Used> used_;
  std::unordered_map<std::uint64_t, Place> inodes_;  ///< where to look; may be out of date
};

}  // namespace state
