#include "fs/directories.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/format.h"
#include "core/thread_pool.h"
#include "fs/description.h"

namespace fs {
namespace {

// A listed page is handed out at most this long after it expired.
constexpr core::Duration kPageMayTake = std::chrono::seconds{10};

using core::ErrorKind;

constexpr std::size_t kExactAtOnce = 64;
constexpr std::uint64_t kDots = 2;  // "." and ".." come first

/// Keeps a handle to one thread while it fetches.
class Busy {
 public:
  Busy(Mount& mount, std::shared_ptr<OpenDirectory> open) : mount_(mount), open_(std::move(open)) {}
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() {
    const core::MutexLock lock(mount_.mutex);
    open_->busy = false;
    mount_.changed.notify_all();
  }

 private:
  Mount& mount_;
  const std::shared_ptr<OpenDirectory> open_;
};

mode_t type_of(const cache::ListedName& row) {
  return row.directory ? S_IFDIR : row.symlink ? S_IFLNK : S_IFREG;
}

}  // namespace

core::Result<HandleId> Directories::open(const Request& request, InodeNumber inode) {
  auto open = std::make_shared<OpenDirectory>();
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(open->node, mount_.directory(inode));
  }
  TRY(lookup_.check_access(request, open->node, R_OK));
  const core::MutexLock lock(mount_.mutex);
  TRY(key_of(*open->node, mount_.options.prefix));
  ++open->node->handles;
  const HandleId handle = mount_.next_handle++;
  mount_.directories.emplace(handle, std::move(open));
  return handle;
}

void Directories::release(HandleId handle) {
  const core::MutexLock lock(mount_.mutex);
  const auto at = mount_.directories.find(handle);
  if (at == mount_.directories.end()) {
    return;
  }
  const NodePtr node = at->second->node;
  mount_.directories.erase(at);
  --node->handles;
  mount_.table.drop_if_unused(node);
}

core::Result<Directories::Names> Directories::next_page(const core::OpContext& context,
                                                        OpenDirectory& open,
                                                        const std::string& key) {
  store::ListQuery query;
  query.prefix = key;
  query.delimiter = "/";
  query.continuation_token = open.token;
  auto page = mount_.parts.store.list(context, query);
  if (!page) {
    return std::move(page).error().within("list " + key);
  }
  open.token = page->next_token;
  open.finished = page->next_token.empty();
  return names_in(key, *page, open.held_back);
}

void Directories::ask_exactly(const core::OpContext& context, const std::string& key,
                              std::vector<OpenDirectory::Row>& rows, const NodePtr& node) {
  std::vector<std::size_t> unknown;
  std::string path;
  {
    const core::MutexLock lock(mount_.mutex);
    path = path_of(*node);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const NodePtr child = InodeTable::child(*node, rows[i].listed->name);
      if (!child || (!child->is_local() && !(child->exact && row_fits(*child, *rows[i].listed)))) {
        unknown.push_back(i);
      }
    }
  }
  core::for_each_parallel(mount_.parts.pool, unknown.size(), kExactAtOnce, [&](std::size_t i) {
    OpenDirectory::Row& row = rows[unknown[i]];
    const cache::ListedName& listed = *row.listed;
    const std::string full = path.empty() ? listed.name : path + '/' + listed.name;
    auto found = listed.directory
                     ? bucket_.directory(context, key + listed.component + '/', full, false)
                     : bucket_.object(context, key + listed.component,
                                      {listed.component, listed.beside_directory});
    if (found) {
      row.found = *std::move(found);
    }
    // Else the kernel looks it up itself, and whoever asked gets that error.
  });
}

core::Status Directories::fetch(const Request& request, const OpenPtr& open, bool exact) {
  std::string key;
  std::uint64_t changes = 0;
  OpenDirectory::Row model;
  cache::MetadataCache::Complete known;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(key, key_of(*open->node, mount_.options.prefix));
    changes = open->node->changes;
    model.changes = changes;
    model.until = mount_.fresh_from_now();
    if (!open->started) {
      open->started = true;
      open->ticket = mount_.names.ticket();
      open->since = mount_.now();
      known = mount_.names.listing(key);
    }
  }
  std::vector<OpenDirectory::Row> rows;
  std::shared_ptr<const cache::MetadataCache::Listing> page = known.listing;
  if (page) {
    open->finished = true;
    model.until = known.until;
  } else {
    TRY_ASSIGN(Names names, next_page(request.context, *open, key));
    page = std::make_shared<const cache::MetadataCache::Listing>(std::move(names));
    mount_.names.add_page(key, page, open->ticket);
  }
  rows.reserve(page->size());
  for (const cache::ListedName& name : *page) {
    rows.push_back(model);
    rows.back().listed = std::shared_ptr<const cache::ListedName>(page, &name);
  }
  if (exact) {
    ask_exactly(request.context, key, rows, open->node);
  }
  const core::MutexLock lock(mount_.mutex);
  for (OpenDirectory::Row& row : rows) {
    const cache::ListedName& name = *row.listed;
    if (open->seen.insert(name.name).second) {
      mount_.counters.escaped_names.add(name.name == name.component ? 0 : 1);
      open->rows.push_back(std::move(row));
    }
  }
  if (open->finished && !known.listing) {
    finish(*open, key);
  }
  if (open->finished) {
    for (const auto& [name, child] : open->node->children) {
      if ((child->is_directory() ? has_dirty_below(*child) : child->is_local()) &&
          open->seen.insert(name).second) {
        auto row = std::make_shared<cache::ListedName>();
        row->name = name;
        row->component = child->component.text;
        row->directory = child->is_directory();
        open->rows.push_back(model);
        open->rows.back().listed = std::move(row);
      }
    }
    for (const std::string& name : bucket_.assumed_in(path_of(*open->node))) {
      if (open->seen.insert(name).second) {
        auto row = std::make_shared<cache::ListedName>();
        row->name = name;
        row->component = name;
        row->directory = true;
        open->rows.push_back(model);
        open->rows.back().listed = std::move(row);
      }
    }
  }
  return {};
}

void Directories::finish(OpenDirectory& open, const std::string& key) {
  auto all = std::make_shared<cache::MetadataCache::Listing>();
  all->reserve(open.rows.size());
  for (const OpenDirectory::Row& row : open.rows) {
    all->push_back(*row.listed);
  }
  mount_.names.add_listing(key, std::move(all), open.ticket, open.since);
}

std::optional<DirectoryEntry> Directories::entry_for(const OpenPtr& open,
                                                     const OpenDirectory::Row& row, bool plus,
                                                     NodePtr& counted) {
  const NodePtr& directory = open->node;
  const cache::ListedName& listed = *row.listed;
  DirectoryEntry entry;
  entry.name = listed.name;
  entry.attributes.mode = type_of(listed);
  NodePtr child = InodeTable::child(*directory, listed.name);
  const auto key = key_of(*directory, mount_.options.prefix);
  if (!key) {
    return std::nullopt;
  }
  const bool current = row.changes == directory->changes;
  if (!child && !current) {
    using Kind = cache::MetadataCache::Answer::Kind;
    if (mount_.names.find(*key, listed.name).kind == Kind::Absent) {
      return std::nullopt;  // we removed it since
    }
  }
  const bool ours = child && (child->is_local() || child->busy);
  // The lifetime counts from here: a program that reads a directory and looks at each name, as
  // `ls -l` does, may take longer than that over a page, and must not be made to ask again for
  // what it was given in the same breath.
  const core::SteadyTime now = mount_.now();
  const bool believed =
      mount_.options.metadata_lifetime > core::Duration::zero() && now < row.until + kPageMayTake;
  const core::SteadyTime until = std::max(row.until, mount_.fresh_from_now());
  if (!ours && current && believed) {
    const std::string own = *key + listed.component + (listed.directory ? "/" : "");
    const bool fits = !child || (row.found ? same_type(*child, describe(mount_.options, *row.found))
                                           : row_fits(*child, listed));
    if (!fits && Lookup::discard(child)) {
      child = nullptr;
    }
    const bool usable = plus && !mount_.in_transit(*directory, listed.name) &&
                        (row.found || (!listed.symlink && !mount_.options.exact_attributes));
    if (!child && usable) {
      child = mount_.table.add(directory, listed.name, {listed.component, listed.beside_directory});
    }
    // What was asked for after this page is newer than the page.
    if (child && child->fresh_until < row.until) {
      if (row.found) {
        update(*child, mount_.options, own, *row.found);
        child->fresh_until = until;
      } else if (child->type() == 0 || row_fits(*child, listed)) {
        update(*child, mount_.options, own, listed);
        child->fresh_until = until;
      }
    }
  }
  if (!child) {
    entry.attributes.inode = mount_.table.mint();
    return entry;
  }
  entry.attributes = mount_.shown(*child);
  const bool exact_enough = child->exact || !mount_.options.exact_attributes;
  const bool told_enough = !child->is_symlink() || child->exact;
  entry.complete = plus && exact_enough && told_enough &&
                   (child->is_local() || child->busy || child->fresh_until > now);
  if (entry.complete) {
    const Entry shown = mount_.entry_of(*child);
    entry.lifetime = shown.lifetime;
    ++child->lookups;
    counted = child;
  } else {
    mount_.table.drop_if_unused(child);
  }
  return entry;
}

core::Status Directories::read(const Request& request, HandleId handle, std::uint64_t offset,
                               bool plus, const DirectoryFill& fill) {
  OpenPtr open;
  DirectoryEntry dot;
  DirectoryEntry dot_dot;
  const Waker waker(mount_, request.context);
  {
    const core::MutexLock lock(mount_.mutex);
    const auto at = mount_.directories.find(handle);
    if (at == mount_.directories.end()) {
      return core::fail(ErrorKind::Changed, core::format("no directory handle {}", handle));
    }
    open = at->second;
    while (open->busy) {
      TRY(mount_.wait(request.context));
    }
    open->busy = true;
    if (offset == 0 && open->served) {
      auto anew = OpenDirectory{};
      anew.node = open->node;
      anew.busy = true;
      *open = std::move(anew);
    }
    dot.attributes = mount_.shown(*open->node);
    dot_dot.attributes = mount_.shown(open->node->parent ? *open->node->parent : *open->node);
  }
  const Busy busy(mount_, open);
  dot.name = ".";
  dot.next_offset = 1;
  dot_dot.name = "..";
  dot_dot.next_offset = kDots;
  if (offset == 0 || open->rows.empty()) {
    // Before the first entry, so that a directory which must not be listed says so at once.
    if (!open->started) {
      if (auto status = fetch(request, open, plus && mount_.options.exact_attributes); !status) {
        open->started = false;
        return status;
      }
    }
  }
  if ((offset < 1 && !fill(dot)) || (offset < 2 && !fill(dot_dot))) {
    return {};
  }
  open->served = true;
  bool filled = offset < kDots;
  for (std::uint64_t index = offset < kDots ? 0 : offset - kDots;; ++index) {
    while (index >= open->rows.size() && !open->finished) {
      auto status = fetch(request, open, plus && mount_.options.exact_attributes);
      if (!status && filled) {
        return {};  // what there is counts; the next call begins here and reports it
      }
      TRY(std::move(status));
    }
    if (index >= open->rows.size()) {
      return {};
    }
    NodePtr counted;
    std::optional<DirectoryEntry> entry;
    {
      const core::MutexLock lock(mount_.mutex);
      entry = entry_for(open, open->rows[index], plus, counted);
    }
    if (!entry) {
      continue;
    }
    entry->next_offset = index + kDots + 1;
    if (!fill(*entry)) {
      const core::MutexLock lock(mount_.mutex);
      if (counted) {
        --counted->lookups;
        mount_.table.drop_if_unused(counted);
      }
      return {};
    }
    filled = true;
  }
}

}  // namespace fs
