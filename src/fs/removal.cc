#include "fs/removal.h"

#include <algorithm>
#include <utility>

#include "fs/claims.h"
#include "fs/persistence.h"

namespace fs {
namespace {

using core::ErrorKind;

}  // namespace

void unname(Mount& mount, const NodePtr& node) {
  const NodePtr directory = node->place.parent;
  mount.drafts.apply(node, DraftEvent::NameTaken);
  node->about.attributes.changed = mount.parts.clock.wall_now();
  mount.name_changed(*node);
  if (directory) {
    if (const auto key = mount.key(*directory)) {
      mount.names.add_absent(*key, node->place.name, mount.names.ticket());
    }
    mount.touch(*directory);
  }
  node->place.unlinked = true;
  InodeTable::detach(*node);
  mount.settle_draft(node);
  mount.table.drop_if_unused(node);
}

core::Result<NodePtr> Removal::directory_of(InodeNumber parent) {
  TRY(check_writable(mount_));
  const core::MutexLock lock(mount_.mutex);
  return mount_.directory(parent);
}

core::Status Removal::stage_for_handles(const core::OpContext& context, const NodePtr& node) {
  bool needed = false;
  {
    const core::MutexLock lock(mount_.mutex);
    needed = node->uses.handles > 0 && node->is_regular();
  }
  return needed ? content_.stage(context, node, Content::Keep::All) : core::Status{};
}

core::Status Removal::remove(const Request& request, const NodePtr& node,
                             Deletions::Deletion deletion) {
  {
    const core::MutexLock lock(mount_.mutex);
    if (deletions_.may_follow(request.pid)) {
      unname(mount_, node);
      deletions_.add(std::move(deletion));
      return {};
    }
  }
  const auto removed = mount_.parts.store.remove(request.context, deletion.key);
  deletions_.waited_for(request.pid, removed.has_value());
  TRY(removed);
  const std::string& key = deletion.key.text();
  if (key.ends_with('/')) {
    mount_.names.changed_tree(key);
    mount_.learnt.changed_tree(key);
  }
  const core::MutexLock lock(mount_.mutex);
  unname(mount_, node);
  return {};
}

core::Status Removal::unlink(const Request& request, InodeNumber parent, std::string_view name) {
  TRY_ASSIGN(const NodePtr directory, directory_of(parent));
  Wish wish;
  wish.names = {{directory, std::string(name)}};
  TRY_ASSIGN(Claim name_claim, Claim::take(mount_, request.context, std::move(wish)));
  TRY_ASSIGN(const NodePtr node, lookup_.find(request.context, directory, name));
  wish = {};
  wish.nodes = {node};
  TRY_ASSIGN(const Claim claim, Claim::take(mount_, request.context, std::move(wish)));
  std::string key;
  model::KeyComponent component;
  bool stored = false;
  {
    const core::MutexLock lock(mount_.mutex);
    if (node->is_directory()) {
      return core::fail(ErrorKind::IsDirectory, path_of(*node) + " is a directory");
    }
    TRY_ASSIGN(key, mount_.key(*node));
    component = node->place.component;
    // An upload that failed may have succeeded all the same, its answer lost.
    stored = node->stored || node->draft.failure() != nullptr;
  }
  TRY(stage_for_handles(request.context, node));
  if (stored) {
    TRY(keep_directory(mount_, lookup_, request.context, directory));
    TRY(remove(request, node,
               {directory, std::string(name), component, model::ObjectKey(key),
                std::move(name_claim), request.pid}));
  } else {
    const core::MutexLock lock(mount_.mutex);
    unname(mount_, node);
  }
  // Or the next daemon would bring it back.
  content_.settle_journal();
  return {};
}

core::Status Removal::check_empty(const core::OpContext& context, const NodePtr& directory,
                                  const std::string& key) {
  bool empty = false;
  {
    const core::MutexLock lock(mount_.mutex);
    empty = directory->place.unpublished_below == 0;
  }
  if (empty) {
    TRY_ASSIGN(empty, bucket_.is_empty(context, key));
  }
  const core::MutexLock lock(mount_.mutex);
  // Why its names are still there, if that is our doing.
  auto failed = deletions_.take_failure(*directory);
  if (empty) {
    return {};
  }
  TRY(std::move(failed));
  return core::fail(ErrorKind::NotEmpty, "not empty: " + key);
}

bool Removal::known_empty(const Node& directory, const std::string& key) {
  const auto known = mount_.names.listing(key);
  const core::MutexLock lock(mount_.mutex);
  return known.known && directory.place.unpublished_below == 0 &&
         std::all_of(known.pages.begin(), known.pages.end(),
                     [](const auto& page) { return page->empty(); });
}

core::Status Removal::rmdir(const Request& request, InodeNumber parent, std::string_view name) {
  TRY_ASSIGN(const NodePtr directory, directory_of(parent));
  Wish wish;
  wish.names = {{directory, std::string(name)}};
  TRY_ASSIGN(Claim name_claim, Claim::take(mount_, request.context, std::move(wish)));
  TRY_ASSIGN(const NodePtr node, lookup_.find(request.context, directory, name));
  bool burst = false;
  {
    const core::MutexLock lock(mount_.mutex);
    deletions_.hurry();
    burst = deletions_.may_follow(request.pid);
  }
  wish = {};
  wish.trees = {node};
  TRY_ASSIGN(const Claim claim, Claim::take(mount_, request.context, std::move(wish)));
  std::string key;
  model::KeyComponent component;
  {
    const core::MutexLock lock(mount_.mutex);
    if (!node->is_directory()) {
      return core::fail(ErrorKind::NotDirectory, path_of(*node) + " is no directory");
    }
    if (bucket_.is_assumed(path_of(*node))) {
      return core::fail(ErrorKind::Busy, path_of(*node) + " is there by --assume-dirs");
    }
    TRY_ASSIGN(key, mount_.key(*node));
    component = node->place.component;
  }
  if (!burst || !known_empty(*node, key)) {
    TRY(check_empty(request.context, node, key));
  }
  TRY(keep_directory(mount_, lookup_, request.context, directory));
  return remove(request, node,
                {directory, std::string(name), component, model::ObjectKey(key),
                 std::move(name_claim), request.pid});
}

}  // namespace fs
