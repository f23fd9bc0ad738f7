#include "fs/persistence.h"

#include "core/log.h"
#include "fs/description.h"
#include "fs/links.h"
#include "model/meta_text.h"
#include "transfer/uploads.h"

namespace fs {
namespace {

using core::ErrorKind;
using store::Precondition;

// Leaves room for the rest in the 8 KiB of metadata.
constexpr std::size_t kMostTextInMeta = 2048;

}  // namespace

core::Result<WrittenLink> write_link(Mount& mount, const core::OpContext& context,
                                     const std::string& key, const std::string& directory_path,
                                     const Description& about, const std::optional<Stored>& stored,
                                     const Precondition& precondition) {
  WrittenLink written;
  TRY_ASSIGN(written.attributes, object_attributes(mount.options, key, stored, about));
  const std::string& text = *about.target;
  const auto target = mount.parts.store.capabilities().symlinks && text.size() <= kMostTextInMeta
                          ? link_key(mount.options.prefix, directory_path, text)
                          : std::nullopt;
  if (target) {
    written.attributes.user["symlink-target"] = model::encode_meta_value(text);
    written.type = store::ObjectType::Symlink;
    written.size = target->size();
    TRY_ASSIGN(written.published, mount.parts.store.put_symlink(context, model::ObjectKey(key),
                                                                model::ObjectKey(*target),
                                                                written.attributes, precondition));
  } else {
    written.size = text.size();
    TRY_ASSIGN(written.published,
               mount.parts.store.put(context, model::ObjectKey(key), store::text_source(text),
                                     written.attributes, precondition));
  }
  return written;
}

core::Status persist(Mount& mount, const core::OpContext& context, const NodePtr& node,
                     Description wanted) {
  std::string key;
  std::string directory_path;
  std::optional<Stored> stored;
  model::ObjectVersion version;
  {
    const core::MutexLock lock(mount.mutex);
    wanted.attributes.inode = node->number;
    if (node->is_local()) {
      TRY(object_attributes(mount.options, {}, node->stored, wanted));
      node->about = std::move(wanted);
      ++node->revision;
      return {};
    }
    TRY_ASSIGN(key, mount.key(*node));
    directory_path = path_of(*node->place.parent);
    stored = node->stored;
    if (stored) {
      version = mount.version_of(*node);
    }
  }
  WrittenLink written;
  const bool is_link = stored && stored->meta.type == store::ObjectType::Symlink;
  if (is_link) {
    TRY_ASSIGN(written,
               write_link(mount, context, key, directory_path, wanted, stored, Precondition{}));
  } else {
    written.type = stored ? stored->meta.type : store::ObjectType::Normal;
    TRY_ASSIGN(written.attributes, object_attributes(mount.options, key, stored, wanted));
    if (S_ISDIR(wanted.attributes.mode) && version.size == 0) {
      TRY_ASSIGN(written.published,
                 mount.parts.store.put(context, model::ObjectKey(key), store::text_source(""),
                                       written.attributes, Precondition{}));
    } else {
      store::CopyRequest request;
      request.source = version;
      request.target = model::ObjectKey(key);
      request.replace = written.attributes;
      written.size = version.size;
      auto copied = mount.parts.uploads.copy(context, request);
      if (!copied) {
        core::Error error = std::move(copied).error();
        const core::MutexLock lock(mount.mutex);
        mount.doubt(*node);
        if (error.kind == ErrorKind::NotFound) {
          error.kind = ErrorKind::Changed;  // it was there a moment ago
        }
        return error;
      }
      written.published = *std::move(copied);
    }
  }
  const core::MutexLock lock(mount.mutex);
  node->about = std::move(wanted);
  settle(*node, mount.options, key, written.size, written.published, written.attributes,
         written.type);
  node->fresh_until = mount.fresh_from_now();
  mount.name_changed(*node);
  mount.remember(*node);
  return {};
}

core::Status keep_directory(Mount& mount, Lookup& lookup, const core::OpContext& context,
                            const NodePtr& directory) {
  {
    const core::MutexLock lock(mount.mutex);
    if (directory->is_root() || directory->stored) {
      return {};
    }
  }
  TRY(lookup.refresh_present(context, directory, Lookup::Need::Whole));
  std::string key;
  store::ObjectAttributes attributes;
  {
    const core::MutexLock lock(mount.mutex);
    if (directory->stored) {
      return {};
    }
    TRY_ASSIGN(key, mount.key(*directory));
    Description about = directory->about;
    about.attributes = mount.shown(*directory);
    TRY_ASSIGN(attributes, object_attributes(mount.options, key, std::nullopt, about));
  }
  Precondition absent;
  absent.kind = Precondition::Kind::Absent;
  const auto put = mount.parts.store.put(context, model::ObjectKey(key), store::text_source(""),
                                         attributes, absent);
  if (!put && put.error().kind == ErrorKind::Denied) {
    // Who may delete but not put does not want markers.
    core::log(core::LogLevel::Debug, "no marker for a directory", {{"key", key}});
    return {};
  }
  if (!put && put.error().kind != ErrorKind::Exists) {
    return put.error();
  }
  const core::MutexLock lock(mount.mutex);
  if (put && !directory->stored && !directory->claimed.busy) {
    settle(*directory, mount.options, key, 0, *put, attributes, store::ObjectType::Normal);
  } else {
    mount.doubt(*directory);
  }
  return {};
}

}  // namespace fs
