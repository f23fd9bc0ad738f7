#include "fs/listing.h"

#include <algorithm>
#include <set>

#include "model/names.h"

namespace fs {
namespace {

using cache::ListedName;

ListedName of_object(const std::string& prefix, const store::ListedObject& object) {
  ListedName row;
  row.component = object.key.text().substr(prefix.size());
  row.symlink = object.type == store::ObjectType::Symlink;
  row.size = object.size;
  row.etag = object.etag;
  row.last_modified = object.last_modified;
  return row;
}

/// In the order of keys, in which a directory's ends with a slash. Without making the keys: a page
/// takes ten thousand of these.
bool comes_before(const ListedName& a, const ListedName& b) {
  const std::string& x = a.component;
  const std::string& y = b.component;
  const std::size_t common = std::min(x.size(), y.size());
  if (const int order = x.compare(0, common, y, 0, common); order != 0) {
    return order < 0;
  }
  const auto next = [common](const ListedName& row) {
    return common < row.component.size() ? static_cast<unsigned char>(row.component[common])
           : row.directory               ? int{'/'}
                                         : -1;
  };
  return next(a) < next(b);
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

std::vector<ListedName> names_in(const std::string& prefix, const store::ListPage& page,
                                 std::vector<ListedName>& held_back) {
  std::vector<ListedName> rows = std::move(held_back);
  held_back.clear();
  std::set<std::string> directories;
  for (const std::string& common : page.common_prefixes) {
    ListedName row;
    row.component = common.substr(prefix.size(), common.size() - prefix.size() - 1);
    row.directory = true;
    directories.insert(row.component);
    rows.push_back(std::move(row));
  }
  for (const store::ListedObject& object : page.objects) {
    ListedName row = of_object(prefix, object);
    if (!row.component.empty() || row.size > 0) {
      rows.push_back(std::move(row));
    }
  }
  std::sort(rows.begin(), rows.end(), comes_before);
  const std::string last =
      page.next_token.empty() || rows.empty() ? std::string() : rows.back().key();
  std::vector<ListedName> ready;
  for (ListedName& row : rows) {
    if (!row.directory && !page.next_token.empty() && !row.component.empty() &&
        last < row.component + '/') {
      held_back.push_back(std::move(row));
      continue;
    }
    row.beside_directory =
        !row.directory && (row.component.empty() || directories.contains(row.component));
    row.name = model::file_name({row.component, row.beside_directory});
    ready.push_back(std::move(row));
  }
  return ready;
}

}  // namespace fs
