#include "fs/lookup.h"

#include <optional>
#include <utility>

#include "core/format.h"
#include "fs/description.h"
#include "model/posix_meta.h"

namespace fs {
namespace {

using core::ErrorKind;

// A lookup begins anew when we changed the directory while it asked. More often than this in a
// row somebody else's work is not ours to wait for.
constexpr int kMostTries = 100;

core::Error no_such(std::string_view name) {
  return core::fail(ErrorKind::NotFound, "no " + std::string(name));
}

core::Error gone(const Node& node) {
  return core::fail(ErrorKind::Changed,
                    path_of(node) + " was removed or replaced by somebody else");
}

}  // namespace

/// What was known of a name when the bucket was asked.
struct Lookup::Known {
  std::string directory_key;
  std::string path;
  std::string name;
  cache::MetadataCache::Ticket ticket = 0;
  std::uint64_t moves = 0;
  std::uint64_t changes = 0;
  NodePtr node;  ///< none: no node has that name
  std::uint64_t epoch = 0;
  bool is_directory = false;
  bool has_marker = false;
  std::string key;
  model::KeyComponent component;
};

bool Lookup::discard(const NodePtr& node) {
  if (node->is_local() || node->claims_below > 0 ||
      (node->is_directory() && has_dirty_below(*node))) {
    return false;
  }
  node->gone = true;
  InodeTable::detach(*node);
  return true;
}

/// The node that a listing still tells of, made or brought up to date; none where it does not tell.
/// `node` has the name, or is none. Errors: NotFound, as the listing tells.
core::Result<NodePtr> Lookup::from_listing(const NodePtr& directory, NodePtr node,
                                           std::string_view name,
                                           const std::string& directory_key) {
  const auto answer = mount_.names.find(directory_key, std::string(name));
  using Kind = cache::MetadataCache::Answer::Kind;
  if (answer.kind == Kind::Absent && !node) {
    return no_such(name);
  }
  if (answer.kind != Kind::Listed || answer.listed->symlink ||
      (node && !row_fits(*node, *answer.listed))) {
    return NodePtr();
  }
  if (!node) {
    node = mount_.table.add(directory, std::string(name),
                            {answer.listed->component, answer.listed->beside_directory});
  }
  update(*node, mount_.options,
         directory_key + node->component.text + (answer.listed->directory ? "/" : ""),
         *answer.listed);
  node->fresh_until = answer.until;
  return node;
}

/// Notes what is known of a name before the bucket is asked; `node` has that name, or is none.
core::Status Lookup::take_down(Known& known, const NodePtr& directory, const NodePtr& node,
                               std::string_view name) {
  known.path = path_of(*directory);
  known.path += known.path.empty() ? "" : "/";
  known.path += name;
  known.name = name;
  known.ticket = mount_.names.ticket();
  known.moves = mount_.moves;
  known.changes = directory->changes;
  if (node) {
    known.node = node;
    known.epoch = node->epoch;
    known.is_directory = node->is_directory();
    known.has_marker = node->stored.has_value();
    known.component = node->component;
    TRY_ASSIGN(known.key, key_of(*node, mount_.options.prefix));
  }
  return {};
}

core::Result<Found> Lookup::ask(const core::OpContext& context, const Known& known) {
  if (known.node) {
    // The cheapest request that can confirm what we think it is.
    auto found = known.is_directory
                     ? bucket_.directory(context, known.key, known.path, known.has_marker)
                     : bucket_.object(context, known.key, known.component);
    if (found || found.error().kind != ErrorKind::NotFound) {
      return found;
    }
  }
  const auto slash = known.path.rfind('/');
  return bucket_.find(context, known.directory_key,
                      slash == std::string::npos ? "" : known.path.substr(0, slash), known.name);
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
      TRY_ASSIGN(known.directory_key, key_of(*directory, mount_.options.prefix));
      const core::SteadyTime now = mount_.now();
      NodePtr node = InodeTable::child(*directory, name);
      if (node && (node->is_local() || node->busy || node->fresh_until > now)) {
        return node;
      }
      TRY_ASSIGN(const NodePtr listed, from_listing(directory, node, name, known.directory_key));
      if (listed) {
        return listed;
      }
      TRY(take_down(known, directory, node, name));
    }
    auto found = ask(context, known);
    const core::MutexLock lock(mount_.mutex);
    if (mount_.moves != known.moves || directory->changes != known.changes) {
      continue;
    }
    NodePtr node = InodeTable::child(*directory, name);
    if (!node && mount_.in_transit(*directory, name)) {
      continue;
    }
    if (node != known.node || (node && (node->epoch != known.epoch || node->busy))) {
      continue;  // somebody else was faster
    }
    if (!found) {
      if (found.error().kind != ErrorKind::NotFound) {
        return std::move(found).error().within("look up " + known.path);
      }
      if (node && !discard(node)) {
        node->fresh_until = mount_.fresh_from_now();
        return node;
      }
      mount_.names.add_absent(known.directory_key, known.name, known.ticket);
      return no_such(name);
    }
    if (node && !same_type(*node, describe(mount_.options, *found))) {
      if (!discard(node)) {
        node->fresh_until = mount_.fresh_from_now();
        return node;
      }
      node = nullptr;
    }
    const bool confirmed = node != nullptr;
    if (!node) {
      node = mount_.table.add(directory, known.name, found->component);
    }
    const std::string key =
        known.directory_key + node->component.text + (found->directory ? "/" : "");
    if (update(*node, mount_.options, key, *found) && confirmed) {
      mount_.counters.replaced_elsewhere.add();
    }
    node->fresh_until = mount_.fresh_from_now();
    return node;
  }
  return core::fail(ErrorKind::Busy, core::format("{} does not come to rest", name));
}

core::Result<NodePtr> Lookup::find_counted(const core::OpContext& context, const NodePtr& directory,
                                           std::string_view name) {
  for (int attempt = 0; attempt < kMostTries; ++attempt) {
    TRY_ASSIGN(NodePtr node, find(context, directory, name));
    const core::MutexLock lock(mount_.mutex);
    if (node->parent == directory) {
      ++node->lookups;
      return node;
    }
  }
  return core::fail(ErrorKind::Busy, core::format("{} does not come to rest", name));
}

core::Result<Lookup::Refreshed> Lookup::refresh(const core::OpContext& context, const NodePtr& node,
                                                Need need) {
  Known known;
  {
    const core::MutexLock lock(mount_.mutex);
    if (node->is_local() || node->busy) {
      return Refreshed{};
    }
    TRY_ASSIGN(known.key, key_of(*node, mount_.options.prefix));
    const bool fresh = node->fresh_until > mount_.now();
    if ((need == Need::Fresh && fresh) || (need == Need::Exact && fresh && node->exact)) {
      return Refreshed{};
    }
    known.path = path_of(*node);
    known.epoch = node->epoch;
    known.moves = mount_.moves;
    known.is_directory = node->is_directory();
    known.has_marker = node->stored.has_value();
    known.component = node->component;
  }
  auto found = known.is_directory
                   ? bucket_.directory(context, known.key, known.path, known.has_marker)
                   : bucket_.object(context, known.key, known.component);
  const core::MutexLock lock(mount_.mutex);
  if (node->is_local() || node->busy || node->epoch != known.epoch || mount_.moves != known.moves) {
    return Refreshed{};  // we changed it ourselves meanwhile, and know better
  }
  if (!found && found.error().kind != ErrorKind::NotFound) {
    return std::move(found).error().within("look at " + known.path);
  }
  if (!found || !same_type(*node, describe(mount_.options, *found))) {
    const NodePtr parent = node->parent;
    if (discard(node)) {
      // Nor is what listed it believed any more: a link that is an object is listed as a file.
      if (parent) {
        mount_.name_changed(*parent, node->name);
      }
      return gone(*node);
    }
    node->fresh_until = mount_.fresh_from_now();
    return Refreshed{};
  }
  Refreshed result;
  result.replaced = update(*node, mount_.options, known.key, *found);
  node->fresh_until = mount_.fresh_from_now();
  if (result.replaced) {
    mount_.counters.replaced_elsewhere.add();
  }
  return result;
}

core::Status Lookup::check_access(const Request& request, const NodePtr& node, int mask) {
  if (request.uid == 0 || request.uid == mount_.options.uid) {
    return {};
  }
  {
    const core::MutexLock lock(mount_.mutex);
    if (!node->told_listed) {
      return {};
    }
  }
  TRY(refresh(request.context, node, Need::Exact));
  const core::MutexLock lock(mount_.mutex);
  const Attributes& about = node->about.attributes;
  if (!model::access_allowed(about.mode, about.uid, about.gid, request.uid, request.gid, mask)) {
    return core::fail(ErrorKind::Denied, path_of(*node) + ": permission denied");
  }
  return {};
}

}  // namespace fs
