#include "state/changes.h"

#include <utility>

namespace state {

void Changes::put(Place place, Row row) {
  Names& names = directories_[std::move(place.directory)];
  rows_ += names.insert_or_assign(std::move(place.name), std::move(row)).second ? 1 : 0;
}

void Changes::remember(Row row) {
  Place place = place_of(row->key);
  if (row->inode != 0) {
    inodes_.insert_or_assign(row->inode, place);
  }
  put(std::move(place), std::move(row));
}

void Changes::forget(std::string_view key) {
  forgets_any_ = true;
  put(place_of(key), nullptr);
}

void Changes::forget_tree(std::string_view prefix) {
  auto at = directories_.lower_bound(prefix);
  while (at != directories_.end() && at->first.starts_with(prefix)) {
    rows_ -= at->second.size();
    at = directories_.erase(at);
  }
  trees_.emplace(prefix);
  forget(prefix);
}

std::optional<Changes::Row> Changes::find(std::string_view directory, std::string_view name) const {
  if (const auto names = directories_.find(directory); names != directories_.end()) {
    if (const auto row = names->second.find(name); row != names->second.end()) {
      return row->second;
    }
  }
  if (forgets(directory)) {
    return Row{};
  }
  return std::nullopt;
}

void Changes::collect(std::string_view directory, std::string_view first, std::string_view last,
                      Names& into) const {
  const auto names = directories_.find(directory);
  if (names == directories_.end()) {
    return;
  }
  for (auto at = names->second.lower_bound(first); at != names->second.end() && at->first <= last;
       ++at) {
    into.insert_or_assign(at->first, at->second);
  }
}

bool Changes::forgets(std::string_view directory) const {
  if (trees_.empty()) {
    return false;
  }
  for (std::size_t cut = 0;;) {
    if (trees_.contains(directory.substr(0, cut))) {
      return true;
    }
    const auto slash = directory.find('/', cut);
    if (slash == std::string_view::npos) {
      return false;
    }
    cut = slash + 1;
  }
}

Changes::Row Changes::by_inode(std::uint64_t inode) const {
  const auto place = inodes_.find(inode);
  if (place == inodes_.end()) {
    return nullptr;
  }
  const auto row = find(place->second.directory, place->second.name);
  return row && *row && (*row)->inode == inode ? *row : nullptr;
}

}  // namespace state
