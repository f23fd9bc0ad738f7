#include "cache/listed_page.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/check.h"

namespace cache {
namespace {

/// The place of the first index below `count` for which `reached` holds; `count` if none.
template <class Reached>
std::size_t first_that(std::size_t count, const Reached& reached) {
  std::size_t first = 0;
  while (count > 0) {
    const std::size_t half = count / 2;
    if (reached(first + half)) {
      count = half;
    } else {
      first += half + 1;
      count -= half + 1;
    }
  }
  return first;
}

/// Texts of a listing are bounded by whoever reads it (keys have at most 1023 bytes).
std::uint16_t length_of(std::string_view text) {
  CORE_CHECK(text.size() <= std::numeric_limits<std::uint16_t>::max());
  return static_cast<std::uint16_t>(text.size());
}

}  // namespace

std::string ListedName::key() const {
  std::string text(component);
  if (directory) {
    text += '/';
  }
  return text;
}

int ListedName::compare_key(std::string_view other) const {
  const std::string_view head = other.substr(0, component.size());
  if (const int order = component.compare(head); order != 0) {
    return order;
  }
  const std::string_view rest = other.substr(head.size());
  return (directory ? std::string_view("/") : std::string_view()).compare(rest);
}

bool comes_before(const ListedName& a, const ListedName& b) {
  const std::size_t common = std::min(a.component.size(), b.component.size());
  if (const int order = a.component.compare(0, common, b.component, 0, common); order != 0) {
    return order < 0;
  }
  const auto next = [common](const ListedName& row) {
    return common < row.component.size() ? static_cast<unsigned char>(row.component[common])
           : row.directory               ? int{'/'}
                                         : -1;
  };
  return next(a) < next(b);
}

ListedPage::ListedPage(const std::vector<ListedName>& names) {
  std::size_t bytes = 0;
  for (const ListedName& name : names) {
    bytes += name.component.size() + name.etag.size();
    bytes += name.name == name.component ? 0 : name.name.size();
  }
  CORE_CHECK(bytes <= std::numeric_limits<std::uint32_t>::max());
  rows_.reserve(names.size());
  texts_.reserve(bytes);
  for (const ListedName& name : names) {
    Row row;
    row.size = name.size;
    row.modified = name.last_modified.time_since_epoch().count();
    row.texts = static_cast<std::uint32_t>(texts_.size());
    row.component_bytes = length_of(name.component);
    row.etag_bytes = length_of(name.etag);
    row.renamed = name.name != name.component;
    row.beside_directory = name.beside_directory;
    row.directory = name.directory;
    row.symlink = name.symlink;
    texts_ += name.component;
    if (row.renamed) {
      row.name_bytes = length_of(name.name);
      texts_ += name.name;
      renamed_.push_back(static_cast<std::uint32_t>(rows_.size()));
    }
    texts_ += name.etag;
    rows_.push_back(row);
  }
}

ListedName ListedPage::operator[](std::size_t index) const {
  const Row& row = rows_[index];
  const std::string_view texts = std::string_view(texts_).substr(row.texts);
  ListedName name;
  name.component = texts.substr(0, row.component_bytes);
  name.name = row.renamed ? texts.substr(row.component_bytes, row.name_bytes) : name.component;
  name.etag = texts.substr(std::size_t{row.component_bytes} + row.name_bytes, row.etag_bytes);
  name.beside_directory = row.beside_directory;
  name.directory = row.directory;
  name.symlink = row.symlink;
  name.size = row.size;
  name.last_modified = core::WallTime(core::Duration(row.modified));
  return name;
}

std::size_t ListedPage::lower_bound(std::string_view key) const {
  return first_that(size(), [&](std::size_t i) { return (*this)[i].compare_key(key) >= 0; });
}

std::size_t ListedPage::bytes() const {
  return sizeof(ListedPage) + rows_.capacity() * sizeof(Row) + texts_.capacity() +
         renamed_.capacity() * sizeof(std::uint32_t);
}

std::optional<std::size_t> ListedPage::find(std::string_view key, std::string_view name) const {
  const std::size_t at = lower_bound(key);
  const bool there = at < size() && (*this)[at].compare_key(key) == 0 && (*this)[at].name == name;
  return there ? std::optional(at) : std::nullopt;
}

void ListedPages::add(Page page) {
  first_.push_back(size_);
  size_ += page->size();
  pages_.push_back(std::move(page));
}

ListedName ListedPages::operator[](std::size_t position) const {
  const auto behind = std::upper_bound(first_.begin(), first_.end(), position);
  const auto page = static_cast<std::size_t>(behind - first_.begin()) - 1;
  return (*pages_[page])[position - first_[page]];
}

std::optional<std::size_t> ListedPages::find(std::string_view name) const {
  // As directories are keyed, their names sort with a slash behind them.
  for (const std::string& key : {std::string(name) + '/', std::string(name)}) {
    const std::size_t at = first_that(
        pages_.size(), [&](std::size_t i) { return pages_[i]->back().compare_key(key) >= 0; });
    if (at == pages_.size()) {
      continue;
    }
    if (const auto row = pages_[at]->find(key, name)) {
      return first_[at] + *row;
    }
  }
  return std::nullopt;
}

}  // namespace cache
