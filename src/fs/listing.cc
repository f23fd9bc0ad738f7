#include "fs/listing.h"

#include <algorithm>
#include <deque>
#include <string_view>
#include <utility>

#include "model/names.h"

namespace fs {
namespace {

using cache::ListedName;

ListedName of_object(const std::string& prefix, const store::ListedObject& object) {
  ListedName row;
  row.component = std::string_view(object.key.text()).substr(prefix.size());
  row.symlink = object.type == store::ObjectType::Symlink;
  row.size = object.size;
  row.etag = object.etag.text();
  row.last_modified = object.last_modified;
  return row;
}

ListedName of_directory(const std::string& prefix, std::string_view common) {
  ListedName row;
  row.component = common.substr(prefix.size(), common.size() - prefix.size() - 1);
  row.directory = true;
  return row;
}

/// All of the page, and what was held back of those before, in the order of their keys.
std::vector<ListedName> rows_of(const std::string& prefix, const store::ListPage& page,
                                const std::vector<store::ListedObject>& held_back) {
  std::vector<ListedName> rows;
  rows.reserve(held_back.size() + page.objects.size() + page.common_prefixes.size());
  for (const auto* objects : {&held_back, &page.objects}) {
    for (const store::ListedObject& object : *objects) {
      const ListedName row = of_object(prefix, object);
      if (!row.component.empty() || row.size > 0) {
        rows.push_back(row);
      }
    }
  }
  for (const std::string& common : page.common_prefixes) {
    rows.push_back(of_directory(prefix, common));
  }
  std::sort(rows.begin(), rows.end(), cache::comes_before);
  return rows;
}

bool has_directory(const std::string& prefix, const store::ListPage& page,
                   std::string_view component) {
  ListedName wanted;
  wanted.component = component;
  wanted.directory = true;
  const auto at =
      std::lower_bound(page.common_prefixes.begin(), page.common_prefixes.end(), wanted,
                       [&](const std::string& common, const ListedName& directory) {
                         return cache::comes_before(of_directory(prefix, common), directory);
                       });
  return at != page.common_prefixes.end() && of_directory(prefix, *at).component == component;
}

/// Whether a later page may bring a directory beside the object; `to` is where that begins.
bool is_open(const ListedName& row, const std::string& to) {
  return !row.directory && !row.component.empty() && to.starts_with(row.component) &&
         to < std::string(row.component) + '/';
}

/// The same object again, of which `row` is a view.
store::ListedObject object_of(const std::string& prefix, const ListedName& row) {
  store::ListedObject object;
  object.key = model::ObjectKey(prefix + std::string(row.component));
  object.size = row.size;
  object.etag = model::ETag(row.etag);
  object.last_modified = row.last_modified;
  object.type = row.symlink ? store::ObjectType::Symlink : store::ObjectType::Normal;
  return object;
}

// A page may be empty for good reasons (what it would show was just deleted), but not for ever.
constexpr int kMostWithoutNews = 100;

}  // namespace

core::Status ListingWatch::inspect(store::ListPage& page) {
  const auto outside = [this](const std::string& key) { return !key.starts_with(prefix_); };
  if (std::any_of(page.objects.begin(), page.objects.end(),
                  [&](const auto& object) { return outside(object.key.text()); }) ||
      std::any_of(
          page.common_prefixes.begin(), page.common_prefixes.end(),
          [&](const auto& common) { return outside(common) || common.size() == prefix_.size(); })) {
    return core::fail(core::ErrorKind::Protocol,
                      "list " + prefix_ + ": the service shows what lies elsewhere");
  }
  std::erase_if(page.objects, [&](const auto& object) { return object.key.text() <= last_key_; });
  std::erase_if(page.common_prefixes, [&](const auto& prefix) { return prefix <= last_key_; });
  const bool news = !page.objects.empty() || !page.common_prefixes.empty();
  without_news_ = news ? 0 : without_news_ + 1;
  if (without_news_ > kMostWithoutNews && !page.next_token.empty()) {
    return core::fail(core::ErrorKind::Protocol,
                      "list " + prefix_ + ": page after page brings nothing new");
  }
  if (!page.objects.empty()) {
    last_key_ = std::max(last_key_, page.objects.back().key.text());
  }
  if (!page.common_prefixes.empty()) {
    last_key_ = std::max(last_key_, page.common_prefixes.back());
  }
  return {};
}

Names names_in(const std::string& prefix, const store::ListPage& page,
               std::vector<store::ListedObject>& held_back) {
  const std::vector<store::ListedObject> before = std::move(held_back);
  held_back.clear();
  std::vector<ListedName> rows = rows_of(prefix, page, before);
  Names names;
  if (!page.next_token.empty()) {
    names.to = rows.empty() ? std::string() : rows.back().key() + '\0';
  }
  std::deque<std::string> other_names;  // which do not move
  std::vector<ListedName> ready;
  ready.reserve(rows.size());
  for (ListedName& row : rows) {
    if (names.to && is_open(row, *names.to)) {
      held_back.push_back(object_of(prefix, row));
      continue;
    }
    row.beside_directory =
        !row.directory && (row.component.empty() || has_directory(prefix, page, row.component));
    row.name = row.component;
    if (row.beside_directory || !model::is_file_name(row.component)) {
      row.name = other_names.emplace_back(
          model::file_name({std::string(row.component), row.beside_directory}));
    }
    ready.push_back(row);
  }
  names.page = std::make_shared<const cache::ListedPage>(ready);
  return names;
}

void ListingProgress::rename(std::string key) {
  for (store::ListedObject& held : held_back_) {
    held.key = model::ObjectKey(key + held.key.text().substr(key_.size()));
  }
  key_ = std::move(key);
}

std::string ListingProgress::last_key() const {
  return to_.empty() ? std::string() : key_ + to_.substr(0, to_.size() - 1);
}

Names ListingProgress::add(const store::ListPage& page, cache::KeyIndex& index,
                           const Asked& asked) {
  Names names = names_in(key_, page, held_back_);
  note(names, index, asked);
  return names;
}

void ListingProgress::note(const Names& names, cache::KeyIndex& index, const Asked& asked) {
  const auto add = [&](cache::KeyIndex::Page page, cache::KeySpan span) {
    index.add_page(key_, std::move(page), std::move(span), asked.ticket, asked.at, absence_);
  };
  const std::string begun = to_;
  std::string from = begun;
  for (const store::ListedObject& held : held_back_) {
    const std::string own = held.key.text().substr(key_.size());
    if (own >= from) {
      if (own > from) {
        add(names.page, {from, own});
      }
      from = own + '\0';
    }
  }
  if (!names.to || *names.to > from) {
    add(names.page, {from, names.to});
  }
  to_ = std::max(begun, names.to.value_or(std::string()));
  for (std::size_t i = 0; i < names.page->size(); ++i) {
    const ListedName row = (*names.page)[i];
    std::string own = row.key();
    if (own >= begun) {
      break;
    }
    std::string behind = own + '\0';  // an earlier page held it back
    add(std::make_shared<const cache::ListedPage>(std::vector{row}),
        {std::move(own), std::move(behind)});
  }
}

}  // namespace fs
