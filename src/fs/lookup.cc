#include "fs/lookup.h"

#include <optional>
#include <utility>

#include "core/format.h"
#include "fs/description.h"

namespace fs {
namespace {

using core::ErrorKind;

// A lookup begins anew when we changed the directory while it asked. More often than this in a
// row somebody else's work is not ours to wait for.
constexpr int kMostTries = 100;

core::Error no_such(std::string_view name) {
  return core::fail(ErrorKind::NotFound, "no " + std::string(name));
}

std::string joined(const std::string& path, std::string_view name) {
  return path + (path.empty() ? "" : "/") + std::string(name);
}

}  // namespace

/// What was known of a name when the bucket was asked.
struct Lookup::Known {
  std::string directory_key;
  std::string directory_path;
  std::string name;
  cache::MetadataCache::Ticket ticket = 0;
  std::uint64_t moves = 0;
  std::uint64_t changes = 0;
  cache::MetadataCache::Answer listed;
  NodePtr node;  ///< none: no node has that name
  std::uint64_t revision = 0;
  bool is_directory = false;
  bool has_marker = false;
  std::string key;  ///< of the node, or of what the listing shows; else empty
  model::KeyComponent component;
};

struct Lookup::Answer {
  Found found;
  core::SteadyTime until;  ///< how long that holds
};

bool Lookup::discard(Mount& /*mount*/, const NodePtr& node) {
  if (node->is_local() || node->claimed.below > 0 || node->place.unpublished_below > 0) {
    return false;
  }
  node->place.gone = true;
  InodeTable::detach(*node);
  return true;
}

/// Notes what is known of a name before the bucket is asked; `node` has that name, or is none.
core::Status Lookup::take_down(Known& known, const NodePtr& directory, const NodePtr& node,
                               std::string_view name) {
  TRY_ASSIGN(known.directory_key, mount_.key(*directory));
  known.directory_path = path_of(*directory);
  known.name = name;
  known.ticket = mount_.names.ticket();
  known.moves = mount_.moves;
  known.changes = directory->place.changes;
  known.listed = mount_.names.find(known.directory_key, known.name);
  if (node) {
    known.node = node;
    known.revision = node->revision;
    known.is_directory = node->is_directory();
    known.has_marker = node->stored.has_value();
    known.component = node->place.component;
    TRY_ASSIGN(known.key, mount_.key(*node));
  } else if (known.listed.listed) {
    const cache::ListedName& row = *known.listed.listed;
    known.is_directory = row.directory;
    known.component = {row.component, row.beside_directory};
    known.key = known.directory_key + row.key();
  }
  return {};
}

/// Whether a listing shows the very state that a node is known in; it is fresh then.
bool Lookup::confirm(Node& node, const cache::MetadataCache::Answer& listed) {
  if (!listed.listed || node.is_directory() || !node.stored ||
      !node.stored->is_same_state(listed.listed->etag, listed.listed->last_modified)) {
    return false;
  }
  node.fresh_until = listed.until;
  return true;
}

/// What need not be asked.
std::optional<Lookup::Answer> Lookup::remembered(const Known& known) const {
  if (const auto* row = known.listed.listed.get()) {
    if (auto found = found_in(mount_.options, *row)) {
      return Answer{*std::move(found), known.listed.until};
    }
    if (auto found = mount_.learnt.of_state(known.key, row->etag, row->last_modified)) {
      return Answer{*std::move(found), known.listed.until};
    }
  }
  if (known.key.empty()) {
    return std::nullopt;
  }
  auto fresh = mount_.learnt.fresh(known.key);
  if (!fresh) {
    return std::nullopt;
  }
  return Answer{std::move(fresh->found), fresh->until};
}

/// The cheapest request that can confirm what we think it is.
core::Result<Found> Lookup::ask_about(const core::OpContext& context, const Known& known) {
  auto found = !known.is_directory ? bucket_.object(context, known.key, known.component)
               : known.listed.listed
                   ? bucket_.listed_directory(context, known.key)
                   : bucket_.directory(context, known.key, joined(known.directory_path, known.name),
                                       known.has_marker || !known.node);
  if (found) {
    found->component = known.component;
  }
  return found;
}

core::Result<Found> Lookup::ask_bucket(const core::OpContext& context, const Known& known) {
  if (!known.key.empty()) {
    auto found = ask_about(context, known);
    if (found || found.error().kind != ErrorKind::NotFound) {
      return found;
    }
  }
  return bucket_.find(context, known.directory_key, known.directory_path, known.name);
}

core::Result<Lookup::Answer> Lookup::ask(const core::OpContext& context, Known& known) {
  if (known.key.empty()) {
    if (const auto hint = ahead_.hint(known.directory_key, known.name)) {
      known.is_directory = hint->directory;
      known.component = {hint->component, hint->beside_directory};
      known.key = known.directory_key + hint->key();
    }
  }
  auto answer = remembered(known);
  if (!answer && !known.key.empty()) {
    ahead_.await(context, known.key);
    answer = remembered(known);  // also what has come in since
  }
  ahead_.looked(known.directory_key, known.name, answer.has_value());
  if (answer) {
    return *std::move(answer);
  }
  const core::SteadyTime asked = mount_.now();
  const Learnt::Ticket ticket = mount_.learnt.ticket();
  TRY_ASSIGN(Found found, ask_bucket(context, known));
  const std::string key = known.directory_key + found.component.text + (found.directory ? "/" : "");
  mount_.learnt.add(key, found, asked, ticket);
  if (!known.node) {
    mount_.learnt.recall_number(key);
  }
  return Answer{std::move(found), asked + mount_.options.metadata_lifetime};
}

core::Result<NodePtr> Lookup::adopt(const NodePtr& directory, const Known& known,
                                    const core::Result<Answer>& answer) {
  NodePtr node = InodeTable::child(*directory, known.name);
  if (mount_.moves != known.moves || directory->place.changes != known.changes ||
      (!node && mount_.in_transit(*directory, known.name)) || node != known.node ||
      (node && (node->revision != known.revision || node->claimed.busy))) {
    return NodePtr();  // somebody else was faster
  }
  if (!answer) {
    if (answer.error().kind != ErrorKind::NotFound) {
      return answer.error().within("look up " + joined(known.directory_path, known.name));
    }
    if (node && !discard(mount_, node)) {
      node->fresh_until = mount_.fresh_from_now();
      return node;
    }
    mount_.names.add_absent(known.directory_key, known.name, known.ticket);
    return no_such(known.name);
  }
  const Found& found = answer->found;
  if (node && !is_same_thing(*node, mount_.options, found)) {
    if (!discard(mount_, node)) {
      node->fresh_until = mount_.fresh_from_now();
      return node;
    }
    mount_.counters.replaced_elsewhere.add();
    node = nullptr;
  }
  const std::string key = known.directory_key + found.component.text + (found.directory ? "/" : "");
  if (!node) {
    node = mount_.table.add(
        directory, known.name, found.component,
        mount_.free_number(key, found.directory ? model::ETag() : found.meta->etag),
        describe(mount_.options, key, found));
  }
  const bool news = node != known.node || !node->stored || !found.meta ||
                    node->stored->meta.last_modified != found.meta->last_modified ||
                    !node->stored->settled;
  update(*node, mount_.options, key, found);
  node->fresh_until = answer->until;
  if (news) {
    mount_.remember(*node);
  }
  return node;
}

core::Result<NodePtr> Lookup::find(const core::OpContext& context, const NodePtr& directory,
                                   std::string_view name) {
  const Waker waker(mount_, context);
  for (int attempt = 0; attempt < kMostTries; ++attempt) {
    Known known;
    {
      const core::MutexLock lock(mount_.mutex);
      while (!InodeTable::child(*directory, name) && mount_.in_transit(*directory, name)) {
        TRY(mount_.wait(context));
      }
      TRY(mount_.key(*directory));
      const NodePtr node = InodeTable::child(*directory, name);
      if (node && (node->is_local() || node->claimed.busy || node->fresh_until > mount_.now())) {
        return node;
      }
      TRY(take_down(known, directory, node, name));
      if (node && confirm(*node, known.listed)) {
        return node;
      }
    }
    if (known.listed.kind == cache::MetadataCache::Answer::Kind::Absent && !known.node) {
      return no_such(name);
    }
    const auto answer = ask(context, known);
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(const NodePtr node, adopt(directory, known, answer));
    if (node) {
      return node;
    }
  }
  return core::fail(ErrorKind::Busy, core::format("{} does not come to rest", name));
}

core::Result<NodePtr> Lookup::find_counted(const core::OpContext& context, const NodePtr& directory,
                                           std::string_view name) {
  for (int attempt = 0; attempt < kMostTries; ++attempt) {
    TRY_ASSIGN(NodePtr node, find(context, directory, name));
    const core::MutexLock lock(mount_.mutex);
    if (node->place.parent == directory) {
      ++node->uses.lookups;
      return node;
    }
  }
  return core::fail(ErrorKind::Busy, core::format("{} does not come to rest", name));
}

core::Result<NodePtr> Lookup::find_number(const core::OpContext& context, InodeNumber number) {
  NodePtr at;
  {
    const core::MutexLock lock(mount_.mutex);
    if (auto node = mount_.node(number)) {
      return *std::move(node);
    }
    at = mount_.table.root();
  }
  const core::Error stale =
      core::fail(ErrorKind::Changed, core::format("no file has the number {} any more", number));
  const auto key = mount_.learnt.key_of_number(number);
  if (!key || !key->starts_with(mount_.options.prefix)) {
    return stale;
  }
  std::string_view rest = std::string_view(*key).substr(mount_.options.prefix.size());
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    const model::KeyComponent component{std::string(rest.substr(0, slash)), false};
    auto below = find(context, at, model::file_name(component));
    if (!below) {
      return below.error().kind == ErrorKind::NotFound ? stale : below.error();
    }
    at = *std::move(below);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  }
  return at->number == number ? core::Result<NodePtr>(at) : stale;
}

core::Status Lookup::refresh(const core::OpContext& context, const NodePtr& node, Need need) {
  Known known;
  {
    const core::MutexLock lock(mount_.mutex);
    if (node->is_local() || node->claimed.busy || !node->place.parent) {
      return {};
    }
    const bool fresh = node->fresh_until > mount_.now();
    const bool whole = !node->stored || node->stored->whole;
    if (need != Need::Now && fresh && (need == Need::Fresh || whole)) {
      return {};
    }
    TRY(take_down(known, node->place.parent, node, node->place.name));
  }
  std::optional<Answer> answer;
  if (need != Need::Now) {
    answer = remembered(known);
    if (answer && answer->found.listed && need == Need::Whole) {
      answer.reset();
    }
  }
  if (!answer) {
    const core::SteadyTime asked = mount_.now();
    const Learnt::Ticket ticket = mount_.learnt.ticket();
    auto found = ask_about(context, known);
    if (!found && found.error().kind != ErrorKind::NotFound) {
      return std::move(found).error().within("look at " + joined(known.directory_path, known.name));
    }
    if (found) {
      mount_.learnt.add(known.key, *found, asked, ticket);
      answer = Answer{*std::move(found), asked + mount_.options.metadata_lifetime};
    }
  }
  const core::MutexLock lock(mount_.mutex);
  if (node->is_local() || node->claimed.busy || node->revision != known.revision ||
      mount_.moves != known.moves) {
    return {};  // we changed it ourselves meanwhile, and know better
  }
  if (answer && is_same_thing(*node, mount_.options, answer->found)) {
    update(*node, mount_.options, known.key, answer->found);
    node->fresh_until = answer->until;
    return {};
  }
  const NodePtr parent = node->place.parent;
  if (!discard(mount_, node)) {
    node->fresh_until = mount_.fresh_from_now();
    return {};
  }
  if (answer) {
    mount_.counters.replaced_elsewhere.add();
  }
  // Nor is what listed it believed any more: a link that is an object is listed as a file.
  mount_.name_changed(*parent, known.name, known.component);
  return {};
}

core::Status Lookup::refresh_present(const core::OpContext& context, const NodePtr& node,
                                     Need need) {
  TRY(refresh(context, node, need));
  const core::MutexLock lock(mount_.mutex);
  if (node->place.gone) {
    return core::fail(ErrorKind::Changed,
                      path_of(*node) + " was removed or replaced by somebody else");
  }
  return {};
}

}  // namespace fs
