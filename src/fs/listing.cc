// Pages of listings to names.
#include <algorithm>
#include <set>

#include "fs/directories.h"
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

}  // namespace

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
