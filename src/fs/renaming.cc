#include "fs/renaming.h"

#include <stdio.h>  // NOLINT(modernize-deprecated-headers): RENAME_NOREPLACE is POSIX's, not C++'s
#include <unistd.h>

#include <utility>

#include "core/log.h"
#include "fs/description.h"
#include "fs/persistence.h"
#include "transfer/downloads.h"
#include "transfer/uploads.h"

namespace fs {
namespace {

using core::ErrorKind;
using store::Precondition;

Precondition precondition(bool replace) {
  Precondition result;
  result.kind = replace ? Precondition::Kind::None : Precondition::Kind::Absent;
  return result;
}

/// Announces that a name comes or goes.
class Transit {
 public:
  Transit(Mount& mount, const Node& directory, const std::string& name)
      : mount_(mount), place_(directory.number, name) {
    const core::MutexLock lock(mount_.mutex);
    mount_.transits.insert(place_);
  }
  Transit(const Transit&) = delete;
  Transit& operator=(const Transit&) = delete;
  ~Transit() {
    const core::MutexLock lock(mount_.mutex);
    mount_.transits.erase(place_);
    mount_.changed.notify_all();
  }

 private:
  Mount& mount_;
  const std::pair<InodeNumber, std::string> place_;
};

}  // namespace

core::Status Renaming::rename(const Request& request, InodeNumber parent, std::string_view name,
                              InodeNumber new_parent, std::string_view new_name, unsigned flags) {
  TRY(check_writable(mount_));
  if ((flags & ~unsigned{RENAME_NOREPLACE}) != 0) {
    return core::fail(ErrorKind::Unsupported, "exchanging two names is not possible in a bucket");
  }
  TRY_ASSIGN(auto parsed, model::parse_file_name(new_name));
  const auto* component = std::get_if<model::KeyComponent>(&parsed);
  if (component == nullptr || component->beside_directory) {
    return core::fail(ErrorKind::InvalidArgument,
                      "a name reserved for keys that are no file names: " + std::string(new_name));
  }
  Move move;
  move.name = name;
  move.new_name = new_name;
  move.component = *component;
  move.replace = (flags & RENAME_NOREPLACE) == 0;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(move.from, mount_.directory(parent));
    TRY_ASSIGN(move.to, mount_.directory(new_parent));
  }
  Wish wish;
  wish.names = {{move.from, move.name}};
  if (move.from != move.to || move.name != move.new_name) {
    wish.names.emplace_back(move.to, move.new_name);
  }
  wish.across = move.from != move.to;
  TRY_ASSIGN(const Claim names, Claim::take(mount_, request.context, std::move(wish)));
  TRY_ASSIGN(move.source, lookup_.find(request.context, move.from, name));
  auto target = lookup_.find(request.context, move.to, new_name);
  if (target) {
    move.target = *target;
  } else if (target.error().kind != ErrorKind::NotFound) {
    return std::move(target).error();
  }
  if (move.source == move.target) {
    return {};
  }
  TRY(check(move));
  // What a copy must carry over; a directory's objects carry theirs themselves.
  TRY(lookup_.refresh_present(request.context, move.source, Lookup::Need::Whole));
  const bool directory = [&] {
    const core::MutexLock lock(mount_.mutex);
    return move.source->is_directory();
  }();
  wish = {};
  if (directory) {
    wish.trees = {move.source, move.target};
  } else {
    wish.nodes = {move.source, move.target};
  }
  TRY_ASSIGN(const Claim nodes, Claim::take(mount_, request.context, std::move(wish)));
  const Transit leaving(mount_, *move.from, move.name);
  const Transit arriving(mount_, *move.to, move.new_name);
  {
    const core::MutexLock lock(mount_.mutex);
    if (move.source->place.parent != move.from ||
        InodeTable::child(*move.to, move.new_name) != move.target) {
      return core::fail(ErrorKind::Changed, move.name + " was changed by somebody else");
    }
  }
  return directory ? rename_directory(request.context, move) : rename_file(request.context, move);
}

core::Status Renaming::check(const Move& move) const {
  const core::MutexLock lock(mount_.mutex);
  if (move.target && !move.replace) {
    return core::fail(ErrorKind::Exists, move.new_name + " exists");
  }
  // Also what keeps the claim of a tree from waiting for the claims that this very rename holds.
  if (move.source->is_directory() && lies_in(*move.to, move.source)) {
    return core::fail(ErrorKind::InvalidArgument,
                      "a directory cannot be moved into itself: " + path_of(*move.source));
  }
  if (!move.target) {
    return {};
  }
  if (lies_in(*move.from, move.target)) {
    return core::fail(ErrorKind::NotEmpty, path_of(*move.target) + " holds what is to replace it");
  }
  if (move.source->is_directory() && !move.target->is_directory()) {
    return core::fail(ErrorKind::NotDirectory, path_of(*move.target) + " is no directory");
  }
  if (!move.source->is_directory() && move.target->is_directory()) {
    return core::fail(ErrorKind::IsDirectory, path_of(*move.target) + " is a directory");
  }
  if (bucket_.is_assumed(path_of(*move.source)) && move.source->is_directory()) {
    return core::fail(ErrorKind::Busy, path_of(*move.source) + " is there by --assume-dirs");
  }
  return {};
}

void Renaming::finish(const Move& move) {
  if (move.target) {
    unname(mount_, move.target);
  }
  mount_.name_changed(*move.source);
  mount_.name_changed(*move.to, move.new_name, move.component);
  InodeTable::move(move.source, move.to, move.new_name, move.component);
  if (const auto key = mount_.key(*move.from)) {
    mount_.names.add_absent(*key, move.name, mount_.names.ticket());
  }
  mount_.touch(*move.from);
  mount_.touch(*move.to);
  move.source->about.attributes.changed = mount_.parts.clock.wall_now();
  move.source->fresh_until = mount_.fresh_from_now();
  mount_.remember(*move.source);
}

core::Status Renaming::put_under(const core::OpContext& context, const Move& move,
                                 const std::string& key) {
  const NodePtr& node = move.source;
  std::string directory_path;
  std::optional<Stored> stored;
  model::ObjectVersion version;
  Description about;
  bool unpublished = false;
  {
    const core::MutexLock lock(mount_.mutex);
    directory_path = path_of(*move.to);
    stored = node->stored;
    about = node->about;
    unpublished = node->draft.unpublished();
    if (!unpublished && !stored) {
      return core::fail(ErrorKind::Changed, path_of(*node) + " was changed by somebody else");
    }
    if (!unpublished) {
      version = mount_.version_of(*node);
    }
  }
  if (unpublished) {
    return content_.publish_claimed(context, node,
                                    Content::Destination{key, precondition(move.replace)});
  }
  about.attributes.changed = mount_.parts.clock.wall_now();
  WrittenLink written;
  written.type = stored->meta.type;
  if (stored->meta.type == store::ObjectType::Symlink && about.target) {
    TRY_ASSIGN(written, write_link(mount_, context, key, directory_path, about, stored,
                                   precondition(move.replace)));
  } else {
    store::CopyRequest request;
    request.source = version;
    request.target = model::ObjectKey(key);
    TRY_ASSIGN(request.replace, object_attributes(mount_.options, key, stored, about));
    request.precondition = precondition(move.replace);
    auto copied = mount_.parts.uploads.copy(context, request);
    if (!copied) {
      core::Error error = std::move(copied).error();
      const core::MutexLock lock(mount_.mutex);
      mount_.doubt(*node);
      if (error.kind == ErrorKind::NotFound) {
        error.kind = ErrorKind::Changed;
      }
      return std::move(error).within("copy " + version.key.text() + " to " + key);
    }
    written.published = *std::move(copied);
    written.attributes = *request.replace;
    written.size = version.size;
  }
  const core::MutexLock lock(mount_.mutex);
  about.attributes.inode = node->number;
  node->about = std::move(about);
  settle(*node, mount_.options, key, written.size, written.published, written.attributes,
         written.type);
  return {};
}

core::Status Renaming::rename_file(const core::OpContext& context, const Move& move) {
  std::string old_key;
  std::string new_key;
  std::optional<Stored> before;
  bool in_bucket = false;
  bool outdated = false;
  {
    const core::MutexLock lock(mount_.mutex);
    TRY_ASSIGN(old_key, mount_.key(*move.source));
    TRY_ASSIGN(new_key, mount_.key(*move.to));
    in_bucket = move.source->stored || move.source->draft.failure() != nullptr;
    outdated = in_bucket && move.source->draft.unpublished();
  }
  new_key += move.component.text;
  const model::ObjectKey target_key(new_key);
  TRY(model::check_key(target_key));
  if (move.target) {
    TRY(removal_.stage_for_handles(context, move.target));
  }
  TRY_ASSIGN(const bool retargeted, content_.retarget(move.source, new_key, move.target));
  if (retargeted) {
    const core::MutexLock lock(mount_.mutex);
    finish(move);
    return {};
  }
  if (outdated) {
    // Should removing the old name fail later, it must not lead to less than what was written.
    TRY(content_.publish_claimed(context, move.source, std::nullopt));
  }
  {
    const core::MutexLock lock(mount_.mutex);
    before = move.source->stored;
  }
  if (in_bucket && move.from != move.to) {
    TRY(keep_directory(mount_, lookup_, context, move.from));
  }
  // From here on both names lead to the content, until the old one goes.
  TRY(put_under(context, move, new_key));
  mount_.parts.downloads.forget(target_key);
  if (in_bucket) {
    if (auto removed = mount_.parts.store.remove(context, model::ObjectKey(old_key)); !removed) {
      if (!move.target) {
        // Back to where it was. Should this fail too, both names stay.
        const auto undone = mount_.parts.store.remove(context, target_key);
        core::log(core::LogLevel::Warn, "rename taken back",
                  {{"key", old_key}, {"undone", undone.has_value()}});
      }
      const core::MutexLock lock(mount_.mutex);
      move.source->stored = std::move(before);
      ++move.source->revision;
      mount_.doubt(*move.source);
      if (move.target) {
        unname(mount_, move.target);  // replaced by us already; its handles go on
      }
      mount_.name_changed(*move.to, move.new_name, move.component);
      return std::move(removed).error().within("remove " + old_key);
    }
  }
  {
    const core::MutexLock lock(mount_.mutex);
    finish(move);
  }
  content_.settle_journal();
  return {};
}

}  // namespace fs
