#include "fs/directories.h"

#include <unistd.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/format.h"
#include "fs/adoption.h"
#include "fs/listing.h"
#include "fs/numbers.h"

namespace fs {
namespace {

using cache::ListedName;
using core::ErrorKind;

// A listed page is handed out at most this long after it expired.
constexpr core::Duration kPageMayTake = std::chrono::seconds{10};
constexpr std::uint64_t kDots = 2;  // "." and ".." come first
// Who has read so many names of a page probably reads on.
constexpr std::uint64_t kReadsOn = 64;

/// Keeps a handle to one thread while it reads.
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

/// The type as far as a listing tells; none (DT_UNKNOWN) for an empty object, which may be a FIFO
/// or any other special file.
mode_t type_of(const Options& options, const ListedName& row) {
  if (row.directory) {
    return S_IFDIR;
  }
  if (row.symlink) {
    return S_IFLNK;
  }
  return row.size > 0 || options.attributes == AttributeMode::Plain ? S_IFREG : mode_t{0};
}

const OpenDirectory::Chunk& chunk_of(const OpenDirectory::Snapshot& snapshot, std::uint64_t index) {
  const auto behind =
      std::upper_bound(snapshot.chunks.begin(), snapshot.chunks.end(), index,
                       [](std::uint64_t i, const auto& chunk) { return i < chunk.first; });
  return *std::prev(behind);
}

}  // namespace

core::Result<FileHandle> Directories::open(InodeNumber inode) {
  auto open = std::make_shared<OpenDirectory>();
  const core::MutexLock lock(mount_.mutex);
  TRY_ASSIGN(open->node, mount_.directory(inode));
  TRY(mount_.key(*open->node));
  ++open->node->uses.handles;
  const FileHandle handle{inode, mount_.next_handle++};
  mount_.directories.emplace(handle.id, std::move(open));
  return handle;
}

void Directories::release(FileHandle handle) {
  OpenPtr ended;  // may hold a lot: it goes without the lock
  const core::MutexLock lock(mount_.mutex);
  const auto at = mount_.directories.find(handle.id);
  if (at == mount_.directories.end()) {
    return;
  }
  ended = std::move(at->second);
  mount_.directories.erase(at);
  --ended->node->uses.handles;
  mount_.table.drop_if_unused(ended->node);
}

void Directories::begin_listing(Snapshot& snapshot) {
  store::ListQuery query;
  query.prefix = snapshot.progress.key();
  query.delimiter = "/";
  query.start_after = snapshot.progress.last_key();
  snapshot.watch = ListingWatch(query.prefix);
  snapshot.listing = std::make_unique<transfer::Listing>(mount_.parts.store, mount_.parts.rate,
                                                         mount_.parts.listing_room,
                                                         std::move(query), mount_.stamp());
}

core::Status Directories::next_page(const core::OpContext& context, Snapshot& snapshot) {
  if (!snapshot.listing) {
    begin_listing(snapshot);
  }
  auto listed = snapshot.listing->next(context);
  if (!listed) {
    return std::move(listed).error().within("list " + snapshot.progress.key());
  }
  snapshot.finished = listed->page.next_token.empty();
  TRY(snapshot.watch.inspect(listed->page));
  const auto& asked = listed->asked;
  Names names = snapshot.progress.add(listed->page, mount_.names, asked);
  mount_.counters.escaped_names.add(static_cast<std::int64_t>(names.page->renamed().size()));
  if (!names.page->empty()) {
    mount_.learnt.recall(snapshot.progress.key(), names.page->front().key(),
                         names.page->back().key());
  }
  append(snapshot, std::move(names.page), asked.at + mount_.options.metadata_lifetime,
         asked.ticket);
  return {};
}

void Directories::append(Snapshot& snapshot, cache::KeyIndex::Page page, core::SteadyTime until,
                         cache::KeyIndex::Ticket ticket) {
  if (!page->empty()) {
    ahead_.listed(snapshot.progress.key(), snapshot.chunks.size(), page);
    const std::uint64_t first = snapshot.size();
    snapshot.chunks.push_back({std::move(page), first, until, ticket});
  }
}

cache::KeyIndex::Page Directories::unlisted(const NodePtr& directory, const Snapshot& snapshot) {
  std::vector<ListedName> found;
  const core::MutexLock lock(mount_.mutex);
  const std::set<std::string> assumed = bucket_.assumed_in(path_of(*directory));
  if (directory->place.unpublished_below == 0 && assumed.empty()) {
    return std::make_shared<const cache::ListedPage>(found);
  }
  std::unordered_set<std::string_view> seen;
  for (const OpenDirectory::Chunk& chunk : snapshot.chunks) {
    for (std::size_t i = 0; i < chunk.page->size(); ++i) {
      seen.insert((*chunk.page)[i].name);
    }
  }
  if (directory->place.unpublished_below > 0) {
    for (const NodePtr& node : mount_.drafts.unpublished()) {
      const Node* at = node.get();
      while (at != nullptr && at->place.parent != directory) {
        at = at->place.parent.get();
      }
      if (at != nullptr && seen.insert(at->place.name).second) {
        ListedName row;
        row.name = at->place.name;
        row.component = at->place.component.text;
        row.beside_directory = at->place.component.beside_directory;
        row.directory = at->is_directory();
        found.push_back(row);
      }
    }
  }
  for (const std::string& name : assumed) {
    if (seen.insert(name).second) {
      ListedName row;
      row.name = row.component = name;
      row.directory = true;
      found.push_back(row);
    }
  }
  std::sort(found.begin(), found.end(), cache::comes_before);
  return std::make_shared<const cache::ListedPage>(found);
}

core::Status Directories::fetch(const Request& request, const NodePtr& directory,
                                Snapshot& snapshot) {
  std::string key;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(key, mount_.key(*directory));
  }
  cache::KeyIndex::Complete known;
  cache::KeyIndex::Ticket ticket = mount_.names.ticket();
  if (!snapshot.started) {
    known = mount_.names.listing(key);
    if (!known.known && walks_.reach(request.context, key)) {
      ticket = mount_.names.ticket();
      known = mount_.names.listing(key);
    }
    snapshot.progress = ListingProgress(std::move(key));
  } else if (key != snapshot.progress.key()) {
    snapshot.progress.rename(std::move(key));
    begin_listing(snapshot);
  }
  if (known.known) {
    snapshot.finished = true;
    for (cache::KeyIndex::Page& page : known.pages) {
      append(snapshot, std::move(page), known.until, ticket);
    }
  } else {
    TRY(next_page(request.context, snapshot));
  }
  snapshot.started = true;
  if (snapshot.finished) {
    ticket = mount_.names.ticket();
    append(snapshot, unlisted(directory, snapshot), mount_.fresh_from_now(), ticket);
  }
  return {};
}

NodePtr Directories::node_for(const NodePtr& directory, const OpenDirectory::Chunk& chunk,
                              const ListedName& listed, const std::string& key, bool may_add) {
  NodePtr child = InodeTable::child(*directory, listed.name);
  const core::SteadyTime now = mount_.now();
  if ((child && (child->is_local() || child->claimed.busy)) ||
      chunk.ticket < directory->place.changed_at || now >= chunk.until + kPageMayTake ||
      mount_.options.metadata_lifetime <= core::Duration::zero()) {
    return child;
  }
  const bool newer = child && child->fresh_until >= chunk.until;  // asked for after the page
  if (newer) {
    return child;
  }
  // The lifetime counts from here: a program that reads a directory and looks at each name, as
  // `ls -l` does, may take longer than that over a page, and must not be made to ask again for
  // what it was given in the same breath.
  const core::SteadyTime until = std::max(chunk.until, now + mount_.options.metadata_lifetime);
  if (child && confirm(*child, listed, until)) {
    return child;
  }
  auto answer = known_of(mount_, key, &listed, until);
  if (!answer) {
    return child;
  }
  answer->until = until;
  if (child && meet(mount_, child, key, *answer)) {
    return child;
  }
  if (!may_add || mount_.in_transit(*directory, listed.name)) {
    return nullptr;
  }
  return make_node(mount_, directory, std::string(listed.name),
                   {std::string(listed.component), listed.beside_directory}, key, *answer);
}

const std::string* Directories::key_of(OpenDirectory& open) {
  if (open.key_at != mount_.moves || !is_in_tree(*open.node)) {
    auto key = mount_.key(*open.node);
    if (!key) {
      open.key_at.reset();
      return nullptr;
    }
    open.key = *std::move(key);
    open.key_at = mount_.moves;
  }
  return &open.key;
}

std::optional<DirectoryEntry> Directories::entry_for(OpenDirectory& open,
                                                     const OpenDirectory::Chunk& chunk,
                                                     const ListedName& listed, bool plus,
                                                     NodePtr& counted) {
  const std::string* const above = key_of(open);
  if (above == nullptr) {
    return std::nullopt;
  }
  DirectoryEntry entry;
  entry.name = listed.name;
  if (mount_.is_leaving(*open.node, entry.name)) {
    return std::nullopt;  // we remove it
  }
  const std::string key = *above + listed.key();
  const NodePtr child = node_for(open.node, chunk, listed, key, plus);
  if (!child) {
    using Kind = cache::KeyIndex::Answer::Kind;
    if (chunk.ticket < open.node->place.changed_at &&
        mount_.names.find(*above, entry.name).kind == Kind::Absent) {
      return std::nullopt;  // we removed it since
    }
    entry.attributes.mode = type_of(mount_.options, listed);
    entry.attributes.inode = number_of(key, model::ETag(listed.etag));
    return entry;
  }
  entry.complete =
      plus && (child->is_local() || child->claimed.busy || child->fresh_until > mount_.now());
  if (!entry.complete) {
    entry.attributes = mount_.shown(*child);
    mount_.table.drop_if_unused(child);
    return entry;
  }
  const Entry told = mount_.entry_of(*child);
  entry.attributes = told.attributes;
  entry.lifetime = told.lifetime;
  ++child->uses.lookups;
  counted = child;
  return entry;
}

core::Status Directories::read(const Request& request, FileHandle handle, std::uint64_t offset,
                               bool plus, const DirectoryFill& fill) {
  OpenPtr open;
  Snapshot ended;  // may hold a lot: it goes without the lock
  const Waker waker(mount_, request.context);
  {
    const core::MutexLock lock(mount_.mutex);
    const auto at = mount_.directories.find(handle.id);
    if (at == mount_.directories.end()) {
      return core::fail(ErrorKind::Changed, core::format("no directory handle {}", handle.id));
    }
    open = at->second;
    while (open->busy) {
      TRY(mount_.wait(request.context));
    }
    open->busy = true;
    if (offset == 0 && open->snapshot.served) {
      ended = std::exchange(open->snapshot, Snapshot());
    }
  }
  const Busy busy(mount_, open);
  return fill_from(request, open, offset, plus, fill);
}

core::Status Directories::fill_from(const Request& request, const OpenPtr& open,
                                    std::uint64_t offset, bool plus, const DirectoryFill& fill) {
  Snapshot& snapshot = open->snapshot;
  if (!snapshot.started) {
    // Before the first entry, so that a directory which must not be listed says so at once.
    TRY(fetch(request, open->node, snapshot));
  }
  if (offset < kDots) {
    DirectoryEntry dot;
    DirectoryEntry dot_dot;
    {
      const core::MutexLock lock(mount_.mutex);
      const NodePtr& parent = open->node->place.parent;
      dot.attributes = mount_.shown(*open->node);
      dot_dot.attributes = mount_.shown(parent ? *parent : *open->node);
    }
    dot.name = ".";
    dot.next_offset = 1;
    dot_dot.name = "..";
    dot_dot.next_offset = kDots;
    if ((offset < 1 && !fill(dot)) || !fill(dot_dot)) {
      return {};
    }
  }
  snapshot.served = true;
  bool filled = offset < kDots;
  for (std::uint64_t index = offset < kDots ? 0 : offset - kDots;; ++index) {
    while (index >= snapshot.size() && !snapshot.finished) {
      auto status = fetch(request, open->node, snapshot);
      if (!status && filled) {
        return {};  // what there is counts; the next call begins here and reports it
      }
      TRY(std::move(status));
    }
    if (index >= snapshot.size()) {
      return {};
    }
    if (snapshot.listing && !snapshot.finished &&
        index == snapshot.chunks.back().first + kReadsOn) {
      snapshot.listing->run_ahead(request.context);
    }
    const OpenDirectory::Chunk& chunk = chunk_of(snapshot, index);
    NodePtr counted;
    std::optional<DirectoryEntry> entry;
    {
      const core::MutexLock lock(mount_.mutex);
      entry = entry_for(*open, chunk, (*chunk.page)[index - chunk.first], plus, counted);
    }
    if (!entry) {
      continue;
    }
    entry->next_offset = index + kDots + 1;
    if (!fill(*entry)) {
      if (counted) {
        const core::MutexLock lock(mount_.mutex);
        mount_.uncount(counted);
      }
      return {};
    }
    filled = true;
  }
}

}  // namespace fs
