#pragma once
// What a listing shows of a directory's names, packed: a million of them take tens of megabytes.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace cache {

/// One name in a directory, as far as a listing shows it. A view: its texts belong to the page that
/// it came from, or to whoever made it.
struct ListedName {
  std::string_view name;          ///< of the file, mapped (model/names.h)
  std::string_view component;     ///< of the key
  bool beside_directory = false;  ///< the object, where a directory has the plain name
  bool directory = false;
  bool symlink = false;  ///< a Symlink object: neither length nor target are in the listing
  std::uint64_t size = 0;
  std::string_view etag;
  core::WallTime last_modified;

  /// Its key behind that of the directory, which is what listings are in the order of.
  [[nodiscard]] std::string key() const;
  /// Below zero, zero or above: its key() comes before, is, or comes behind `other`.
  [[nodiscard]] int compare_key(std::string_view other) const;
};

/// Whether the key of `a` comes before that of `b`.
bool comes_before(const ListedName& a, const ListedName& b);

/// Names of one directory in the order of their keys. Immutable, so shared without a lock.
class ListedPage {
 public:
  /// `names` are in order, and may lie in the page's own predecessor.
  explicit ListedPage(const std::vector<ListedName>& names);

  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] ListedName operator[](std::size_t index) const;
  [[nodiscard]] ListedName front() const { return (*this)[0]; }
  [[nodiscard]] ListedName back() const { return (*this)[size() - 1]; }

  /// The first whose key is `key` or comes behind it; size() if there is none.
  [[nodiscard]] std::size_t lower_bound(std::string_view key) const;
  /// The row with this key, if that is what the file name leads to.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view key, std::string_view name) const;
  /// Those with a name of their own, which is not what their key says; ascending.
  [[nodiscard]] const std::vector<std::uint32_t>& renamed() const { return renamed_; }

  /// What it takes in memory.
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Row {
    std::uint64_t size = 0;
    std::int64_t modified = 0;  ///< nanoseconds since the epoch
    std::uint32_t texts = 0;    ///< where they begin: component, name if it is another, ETag
    std::uint16_t component_bytes = 0;
    std::uint16_t name_bytes = 0;
    std::uint16_t etag_bytes = 0;
    bool renamed = false;
    bool beside_directory = false;
    bool directory = false;
    bool symlink = false;
  };
  std::vector<Row> rows_;
  std::string texts_;
  std::vector<std::uint32_t> renamed_;
};

/// Pages of one directory one behind the other, with a position for each name.
class ListedPages {
 public:
  using Page = std::shared_ptr<const ListedPage>;

  /// The page is not empty.
  void add(Page page);
  [[nodiscard]] const std::vector<Page>& pages() const { return pages_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] ListedName operator[](std::size_t position) const;
  /// The position of a file name; a directory goes before an object.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;

 private:
  std::vector<Page> pages_;
  std::vector<std::size_t> first_;  ///< the position of each page's first name
  std::size_t size_ = 0;
};

}  // namespace cache
