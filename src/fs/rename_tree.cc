// Renaming directories: every object below is copied, then every source is deleted.
#include <algorithm>
#include <atomic>
#include <unordered_set>
#include <utility>

#include "core/log.h"
#include "core/thread_pool.h"
#include "fs/links.h"
#include "fs/persistence.h"
#include "fs/renaming.h"
#include "model/posix_meta.h"
#include "transfer/uploads.h"

namespace fs {
namespace {

using core::ErrorKind;

constexpr std::size_t kCopiesAtOnce = 32;
constexpr std::size_t kMostLeftovers = 100'000;

}  // namespace

core::Result<std::vector<store::ListedObject>> Renaming::list_tree(const core::OpContext& context,
                                                                   const std::string& prefix) {
  std::vector<store::ListedObject> objects;
  store::ListQuery query;
  query.prefix = prefix;
  for (;;) {
    TRY_ASSIGN(store::ListPage page, mount_.parts.store.list(context, query));
    std::move(page.objects.begin(), page.objects.end(), std::back_inserter(objects));
    if (page.next_token.empty()) {
      return objects;
    }
    query.continuation_token = page.next_token;
  }
}

core::Result<store::Published> Renaming::copy_object(const core::OpContext& context,
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
    return mount_.parts.store.put_symlink(context, target, model::ObjectKey(leads_to), attributes,
                                          {});
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
  return copied;
}

core::Result<std::vector<Renaming::Copied>> Renaming::copy_tree(
    const core::OpContext& context, const std::vector<store::ListedObject>& objects,
    const std::string& from, const std::string& to, const std::string& to_path) {
  for (const store::ListedObject& object : objects) {
    TRY(model::check_key(model::ObjectKey(to + object.key.text().substr(from.size()))));
  }
  std::vector<std::optional<core::Result<store::Published>>> results(objects.size());
  std::atomic<bool> failed = false;
  core::for_each_parallel(mount_.parts.pool, objects.size(), kCopiesAtOnce, [&](std::size_t i) {
    if (!failed) {
      results[i] = copy_object(context, objects[i], from, to, to_path);
      failed = failed || !*results[i];
    }
  });
  std::vector<Copied> copies;
  std::vector<model::ObjectKey> made;
  std::optional<core::Error> error;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (!results[i]) {
      continue;
    }
    const model::ObjectKey& source = objects[i].key;
    const model::ObjectKey target(to + source.text().substr(from.size()));
    if (*results[i]) {
      copies.push_back({source, target, **results[i]});
      made.push_back(target);
    } else if (!error) {
      error = results[i]->error().within("copy " + source.text());
    }
  }
  if (!error) {
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
  return *std::move(error);
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

void Renaming::follow(Node& directory,
                      const std::unordered_map<std::string, const Copied*>& copies) {
  for (const auto& [name, child] : directory.children) {
    if (child->stored) {
      const auto at = copies.find(child->stored->version.key.text());
      if (at != copies.end()) {
        const Copied& copied = *at->second;
        Stored& stored = *child->stored;
        if (child->kernel_pages == stored.version.etag) {
          child->kernel_pages = copied.published.etag;
        }
        stored.version.key = copied.to;
        stored.version.etag = copied.published.etag;
        stored.version.version_id = copied.published.version_id;
        stored.last_modified = copied.published.last_modified;
        stored.settings = copied.published.settings;
        ++child->epoch;
      }
    }
    follow(*child, copies);
  }
}

core::Status Renaming::rename_directory(const core::OpContext& context, const Move& move) {
  std::string from;
  std::string to;
  std::string to_path;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(from, key_of(*move.source, mount_.options.prefix));
    TRY_ASSIGN(to, key_of(*move.to, mount_.options.prefix));
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
        return has_dirty_below(*move.target);
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
  {
    const core::MutexLock lock(mount_.mutex);
    std::unordered_map<std::string, const Copied*> by_source;
    for (const Copied& copied : copies) {
      by_source.emplace(copied.from.text(), &copied);
      sources.push_back(copied.from);
    }
    ++mount_.moves;
    finish(move);
    if (const auto marker = by_source.find(from); marker != by_source.end()) {
      if (move.source->stored) {
        move.source->stored->version.key = marker->second->to;
        move.source->stored->version.etag = marker->second->published.etag;
        move.source->stored->last_modified = marker->second->published.last_modified;
        move.source->stored->settings = marker->second->published.settings;
      }
    } else {
      move.source->stored.reset();
    }
    follow(*move.source, by_source);
    mount_.names.changed_tree(from);
    mount_.names.changed_tree(to);
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
      mount_.name_changed(*move.from, move.name);
      mount_.names.changed_tree(from);
    }
    return std::move(removed).error().within("everything is copied to " + to + ", but not all of " +
                                             from + " could be removed");
  }
  return {};
}

}  // namespace fs
