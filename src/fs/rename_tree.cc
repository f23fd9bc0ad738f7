// Renaming directories: every object below is copied, then every source is deleted.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/log.h"
#include "core/task_group.h"
#include "fs/links.h"
#include "fs/listing.h"
#include "fs/persistence.h"
#include "fs/renaming.h"
#include "model/posix_meta.h"
#include "transfer/request_rate.h"
#include "transfer/uploads.h"

namespace fs {
namespace {

using core::ErrorKind;

constexpr std::size_t kCopiesAtOnce = 64;
constexpr std::size_t kMostLeftovers = 100'000;
constexpr std::size_t kNodesAtOnce = 256;  // while everybody else waits

/// Shows in the status how far a rename has come.
class Shown {
 public:
  Shown(Mount& mount, const std::vector<store::ListedObject>& objects, const std::string& from,
        const std::string& to)
      : mount_(mount) {
    TreeMove move;
    move.from = from;
    move.to = to;
    move.objects = objects.size();
    for (const store::ListedObject& object : objects) {
      move.bytes += object.size;
    }
    const core::MutexLock lock(mount_.mutex);
    number_ = ++mount_.tree_moves_begun;
    mount_.tree_moves.emplace(number_, std::move(move));
  }
  Shown(const Shown&) = delete;
  Shown& operator=(const Shown&) = delete;
  ~Shown() {
    const core::MutexLock lock(mount_.mutex);
    mount_.tree_moves.erase(number_);
  }

  void copied(const store::ListedObject& object) {
    const core::MutexLock lock(mount_.mutex);
    TreeMove& move = mount_.tree_moves.at(number_);
    ++move.objects_done;
    move.bytes_done += object.size;
  }

 private:
  Mount& mount_;
  std::uint64_t number_ = 0;
};

/// Waits for a turn among the requests of this mount; nothing where there is no rule.
core::Result<std::optional<transfer::RequestRate::Permit>> turn(const Mount& mount,
                                                                const core::OpContext& context) {
  std::optional<transfer::RequestRate::Permit> permit;
  if (mount.parts.rate != nullptr) {
    TRY_ASSIGN(auto taken, mount.parts.rate->take(context));
    permit.emplace(std::move(taken));
  }
  return permit;
}

/// The node that somebody knows at `path` (a key below the directory's), if any.
NodePtr known_below(const NodePtr& directory, std::string_view path) {
  NodePtr at = directory;
  while (at && !path.empty()) {
    const auto slash = path.find('/');
    const model::KeyComponent component{std::string(path.substr(0, slash)), false};
    at = InodeTable::child(*at, model::file_name(component));
    if (at && at->is_directory() == (slash == std::string_view::npos)) {
      return nullptr;  // the object beside a directory, which has another name
    }
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return at;
}

}  // namespace

core::Result<std::vector<store::ListedObject>> Renaming::list_tree(const core::OpContext& context,
                                                                   const std::string& prefix) {
  std::vector<store::ListedObject> objects;
  store::ListQuery query;
  query.prefix = prefix;
  ListingWatch watch(prefix);
  for (;;) {
    TRY_ASSIGN(store::ListPage page, mount_.parts.store.list(context, query));
    TRY(watch.inspect(page));
    std::move(page.objects.begin(), page.objects.end(), std::back_inserter(objects));
    if (page.next_token.empty()) {
      return objects;
    }
    query.continuation_token = page.next_token;
  }
}

core::Result<Renaming::Copied> Renaming::copy_object(const core::OpContext& context,
                                                     const store::ListedObject& object,
                                                     const std::string& from, const std::string& to,
                                                     const std::string& to_path) {
  const std::string rest = object.key.text().substr(from.size());
  const model::ObjectKey target(to + rest);
  if (object.type == store::ObjectType::Symlink) {
    // The key that a relative text leads to moves along.
    TRY_ASSIGN(const store::SymlinkInfo link, mount_.parts.store.get_symlink(context, object.key));
    const auto text = model::parse_posix_meta(link.meta.user).symlink_target;
    const auto slash = rest.rfind('/');
    const std::string directory =
        slash == std::string::npos ? to_path : to_path + '/' + rest.substr(0, slash);
    std::string leads_to = link.target_key;
    if (const auto key = text ? link_key(mount_.options.prefix, directory, *text) : std::nullopt) {
      leads_to = *key;
    } else if (leads_to.starts_with(from)) {
      leads_to = to + leads_to.substr(from.size());
    }
    store::ObjectAttributes attributes;
    attributes.user = link.meta.user;
    attributes.settings = link.meta.settings;
    TRY_ASSIGN(auto made, mount_.parts.store.put_symlink(
                              context, target, model::ObjectKey(leads_to), attributes, {}));
    return Copied{object.key, target, object.etag, std::move(made)};
  }
  store::CopyRequest request;
  request.source.key = object.key;
  request.source.etag = object.etag;
  request.source.size = object.size;
  request.target = target;
  auto copied = mount_.parts.uploads.copy(context, request);
  if (!copied && copied.error().kind == ErrorKind::Changed) {
    // Replaced since it was listed: what is to move is whatever has the name.
    TRY_ASSIGN(const store::ObjectMeta now, mount_.parts.store.head(context, object.key));
    request.source.etag = now.etag;
    request.source.size = now.size;
    copied = mount_.parts.uploads.copy(context, request);
  }
  if (!copied) {
    return std::move(copied).error();
  }
  return Copied{object.key, target, request.source.etag, *std::move(copied)};
}

core::Result<std::vector<Renaming::Copied>> Renaming::copy_tree(
    const core::OpContext& context, const std::vector<store::ListedObject>& objects,
    const std::string& from, const std::string& to, const std::string& to_path) {
  for (const store::ListedObject& object : objects) {
    TRY(model::check_key(model::ObjectKey(to + object.key.text().substr(from.size()))));
  }
  std::vector<std::optional<Copied>> results(objects.size());
  Shown shown(mount_, objects, from, to);
  core::TaskGroup group(mount_.parts.pool, context, kCopiesAtOnce);
  for (std::size_t i = 0; i < objects.size(); ++i) {
    group.start([&, i](const core::OpContext& own) -> core::Status {
      TRY_ASSIGN(const auto permit, turn(mount_, own));
      auto copied = copy_object(own, objects[i], from, to, to_path);
      if (!copied) {
        return std::move(copied).error().within("copy " + objects[i].key.text());
      }
      results[i] = *std::move(copied);
      shown.copied(objects[i]);
      return {};
    });
  }
  const core::Status done = group.wait();
  std::vector<Copied> copies;
  std::vector<model::ObjectKey> made;
  for (std::optional<Copied>& result : results) {
    if (result) {
      made.push_back(result->to);
      copies.push_back(*std::move(result));
    }
  }
  if (done) {
    return copies;
  }
  // The target was empty, so what is there is ours.
  if (const auto undone = mount_.parts.store.remove_many(context, made); !undone) {
    core::log(core::LogLevel::Warn, "a rename failed, and its copies stay beside the originals",
              {{"from", from}, {"to", to}, {"error", core::describe(undone.error())}});
    const core::MutexLock lock(leftovers_mutex_);
    for (const Copied& copy : copies) {
      if (leftovers_.size() < kMostLeftovers) {
        leftovers_.insert_or_assign(copy.to.text(), copy.published.etag);
      }
    }
  }
  return done.error();
}

core::Result<bool> Renaming::holds_only_leftovers(const core::OpContext& context,
                                                  const std::vector<store::ListedObject>& objects,
                                                  const std::string& from, const std::string& to) {
  {
    const core::MutexLock lock(leftovers_mutex_);
    if (leftovers_.empty()) {
      return false;
    }
  }
  std::unordered_set<std::string> sources;
  for (const store::ListedObject& object : objects) {
    sources.insert(object.key.text().substr(from.size()));
  }
  TRY_ASSIGN(const auto there, list_tree(context, to));
  const core::MutexLock lock(leftovers_mutex_);
  for (const store::ListedObject& object : there) {
    const auto at = leftovers_.find(object.key.text());
    if (at == leftovers_.end() || at->second != object.etag ||
        !sources.contains(object.key.text().substr(to.size()))) {
      return false;
    }
  }
  return true;
}

/// What is known of the objects below a directory is known of their copies from now on. Content
/// that was written over an object lies over the copy, if it is a copy of that version.
void Renaming::follow(const NodePtr& directory, const std::string& to,
                      const std::vector<Copied>& copies) {
  for (std::size_t begin = 0; begin < copies.size(); begin += kNodesAtOnce) {
    const core::MutexLock lock(mount_.mutex);
    const std::size_t end = std::min(copies.size(), begin + kNodesAtOnce);
    for (std::size_t i = begin; i < end; ++i) {
      const store::Published& now = copies[i].published;
      const NodePtr node = known_below(directory, copies[i].to.text().substr(to.size()));
      if (node && node->stored &&
          (!node->draft.unpublished() || node->stored->meta.etag == copies[i].version)) {
        Stored& stored = *node->stored;
        stored.key = copies[i].to.text();
        stored.meta.settings = now.settings;
        stored.meta.etag = now.etag;
        stored.meta.version_id = now.version_id;
        stored.meta.last_modified = now.last_modified.value_or(core::WallTime{});
        stored.dated = now.last_modified.has_value();
        stored.settled = false;
        ++node->revision;
      }
    }
  }
}

core::Status Renaming::rename_directory(const core::OpContext& context, const Move& move) {
  std::string from;
  std::string from_component;
  std::string to;
  std::string to_path;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(from, mount_.key(*move.source));
    TRY_ASSIGN(to, mount_.key(*move.to));
    from_component = move.source->place.component.text;
    to += move.component.text + '/';
    to_path = path_of(*move.to);
    to_path += (to_path.empty() ? "" : "/") + move.new_name;
  }
  TRY(model::check_key(model::ObjectKey(to)));
  TRY_ASSIGN(const auto objects, list_tree(context, from));
  if (move.target) {
    if (core::Status empty = removal_.check_empty(context, move.target, to); !empty) {
      bool ours = false;
      const bool written = [&] {
        const core::MutexLock lock(mount_.mutex);
        return move.target->place.unpublished_below > 0;
      }();
      if (empty.error().kind == ErrorKind::NotEmpty && !written) {
        TRY_ASSIGN(ours, holds_only_leftovers(context, objects, from, to));
      }
      if (!ours) {
        return empty;
      }
    }
  }
  if (move.from != move.to) {
    TRY(keep_directory(mount_, lookup_, context, move.from));
  }
  TRY_ASSIGN(const auto copies, copy_tree(context, objects, from, to, to_path));
  std::vector<model::ObjectKey> sources;
  const Copied* marker = nullptr;
  for (const Copied& copied : copies) {
    sources.push_back(copied.from);
    marker = copied.from.text() == from ? &copied : marker;
  }
  follow(move.source, to, copies);
  {
    const core::MutexLock lock(mount_.mutex);
    ++mount_.moves;
    finish(move);
    if (marker == nullptr) {
      move.source->stored.reset();
    }
  }
  follow(move.source, to, copies);  // also what was looked up in between
  if (const auto noted = content_.note_tree(move.source); !noted) {
    core::log(core::LogLevel::Warn, "after a crash these would go to their old names",
              {{"from", from}, {"to", to}, {"error", core::describe(noted.error())}});
  }
  for (const std::string& tree : {from, to}) {
    mount_.names.changed_tree(tree);
    mount_.learnt.changed_tree(tree);
  }
  {
    const core::MutexLock lock(leftovers_mutex_);
    for (const Copied& copy : copies) {
      leftovers_.erase(copy.to.text());
    }
  }
  auto removed = mount_.parts.store.remove_many(context, sources);
  if (!removed) {
    {
      // What is left has its old name still.
      const core::MutexLock lock(mount_.mutex);
      mount_.name_changed(*move.from, move.name, {from_component, false});
    }
    mount_.names.changed_tree(from);
    return std::move(removed).error().within("everything is copied to " + to + ", but not all of " +
                                             from + " could be removed");
  }
  return {};
}

}  // namespace fs
