#include "fs/description.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "fs/learnt.h"
#include "fs/links.h"
#include "model/posix_meta.h"
#include "store/user_meta.h"

namespace fs {
namespace {

constexpr mode_t kPermissions = 07777;
constexpr std::string_view kDirectoryType = "application/x-directory";

Attributes defaults(const Options& options, bool directory) {
  Attributes attributes;
  const mode_t mode = directory ? options.directory_mode : options.file_mode;
  attributes.mode = (directory ? S_IFDIR : S_IFREG) | (mode & ~options.umask & kPermissions);
  attributes.uid = options.uid;
  attributes.gid = options.gid;
  return attributes;
}

void set_times(Attributes& attributes, core::WallTime time) {
  attributes.modified = attributes.accessed = attributes.changed = time;
}

mode_t type_of(const Found& found, const model::PosixMeta& posix) {
  if (found.directory) {
    return S_IFDIR;
  }
  if (found.meta->type == store::ObjectType::Symlink) {
    return S_IFLNK;
  }
  const mode_t type = posix.mode.value_or(0) & S_IFMT;
  return type == 0 || type == S_IFDIR ? S_IFREG : type;
}

/// What programs see as a Symlink object's text: ours, or one that leads to the same key.
std::optional<std::string> target_of(const Options& options, const std::string& key,
                                     const Found& found) {
  if (auto text = model::parse_posix_meta(found.meta->user).symlink_target) {
    return text;
  }
  return found.symlink_key ? std::optional(link_text(options.prefix, key, *found.symlink_key))
                           : std::nullopt;
}

/// What of `unread`, other tools' entries in no form that we know, was not changed since it was
/// shown as if it were not there: it stays as it is.
std::set<std::string> unchanged(const Options& options, const std::set<std::string>& unread,
                                const Stored& stored, const Description& about) {
  const Attributes& now = about.attributes;
  const Attributes shown = defaults(options, S_ISDIR(now.mode));
  const auto is_kept = [&](const std::string& name) {
    return name == "mode"    ? (shown.mode & kPermissions) == (now.mode & kPermissions)
           : name == "uid"   ? shown.uid == now.uid
           : name == "gid"   ? shown.gid == now.gid
           : name == "mtime" ? now.modified == stored.meta.last_modified
           : name == "atime" ? !about.accessed_set
                             : true;
  };
  std::set<std::string> kept;
  std::copy_if(unread.begin(), unread.end(), std::inserter(kept, kept.end()), is_kept);
  return kept;
}

std::string type_for(const Options& options, const std::string& key,
                     const std::optional<Stored>& stored, mode_t mode) {
  if (stored && (!stored->meta.content_type.empty() || stored->key == key)) {
    const std::string& has = stored->meta.content_type;
    return S_ISREG(mode) ? options.media_types->moved(has, stored->key, key) : has;
  }
  return std::string(S_ISDIR(mode)   ? kDirectoryType
                     : S_ISREG(mode) ? options.media_types->of(key)
                                     : model::MediaTypes::kUnknown);
}

}  // namespace

Description describe(const Options& options, const std::string& key, const Found& found) {
  Description about;
  Attributes& attributes = about.attributes;
  attributes = defaults(options, found.directory);
  if (!found.meta) {
    // A directory that only its content shows. Nothing says when it changed.
    return about;
  }
  const store::ObjectMeta& meta = *found.meta;
  const bool plain = options.attributes == AttributeMode::Plain;
  model::PosixMeta posix = plain ? model::PosixMeta{} : model::parse_posix_meta(meta.user);
  const mode_t type = type_of(found, posix);
  attributes.mode = type | (posix.mode      ? *posix.mode & kPermissions
                            : S_ISLNK(type) ? 0777
                                            : attributes.mode & kPermissions);
  attributes.uid = posix.uid.value_or(attributes.uid);
  attributes.gid = posix.gid.value_or(attributes.gid);
  attributes.device = posix.device.value_or(0);
  attributes.modified = posix.modified.value_or(meta.last_modified);
  attributes.accessed = posix.accessed.value_or(attributes.modified);
  attributes.changed = posix.changed.value_or(meta.last_modified);
  about.accessed_set = posix.accessed.has_value();
  about.xattrs = std::move(posix.xattrs);
  if (plain && found.directory) {
    set_times(attributes, {});  // as for directories without a marker: no listing tells
  }
  if (!found.directory) {
    attributes.size = meta.size;
  }
  if (meta.type == store::ObjectType::Symlink) {
    about.target = target_of(options, key, found);
    attributes.size = about.target ? about.target->size() : 0;
  }
  return about;
}

std::shared_ptr<const Found> found_in(const Options& options, const cache::ListedName& row) {
  if (options.attributes != AttributeMode::Plain || row.symlink) {
    return nullptr;
  }
  auto found = std::make_shared<Found>();
  found->directory = row.directory;
  found->component = {std::string(row.component), row.beside_directory};
  found->listed = true;
  if (!row.directory) {
    found->meta.emplace();
    found->meta->size = row.size;
    found->meta->etag = model::ETag(row.etag);
    found->meta->last_modified = row.last_modified;
  }
  return found;
}

Attributes new_attributes(mode_t mode, uid_t uid, gid_t gid, core::WallTime now) {
  Attributes attributes;
  attributes.mode = mode;
  attributes.uid = uid;
  attributes.gid = gid;
  set_times(attributes, now);
  return attributes;
}

Attributes plain_attributes(const Options& options, mode_t type, core::WallTime now) {
  Attributes attributes = defaults(options, S_ISDIR(type));
  if (S_ISLNK(type)) {
    attributes.mode = S_IFLNK | 0777;
  }
  set_times(attributes, now);
  return attributes;
}

core::Result<store::ObjectAttributes> object_attributes(const Options& options,
                                                        const std::string& key,
                                                        const std::optional<Stored>& stored,
                                                        const Description& about, Times times) {
  store::ObjectAttributes attributes;
  attributes.content_type = type_for(options, key, stored, about.attributes.mode);
  if (stored) {
    attributes.user = stored->meta.user;
    attributes.content = stored->meta.content;
    attributes.settings = stored->meta.settings;
    if (attributes.settings->origin.empty()) {
      attributes.settings->origin = model::ObjectKey(stored->key);  // known from a listing alone
    }
  }
  if (options.attributes == AttributeMode::Plain) {
    return attributes;
  }
  model::PosixMeta posix;
  posix.mode = about.attributes.mode;
  posix.uid = about.attributes.uid;
  posix.gid = about.attributes.gid;
  if (times == Times::Ours) {
    posix.modified = about.attributes.modified;
    posix.changed = about.attributes.changed;
  }
  if (about.accessed_set) {
    posix.accessed = about.attributes.accessed;
  }
  if (about.attributes.device != 0) {
    posix.device = about.attributes.device;
  }
  posix.xattrs = about.xattrs;
  if (stored) {
    posix.unread =
        unchanged(options, model::parse_posix_meta(stored->meta.user).unread, *stored, about);
  }
  TRY_ASSIGN(attributes.user, model::with_posix_meta(std::move(attributes.user), posix));
  if (auto status = store::check_user_meta(attributes.user, "x-oss-meta-"); !status) {
    core::Error error = std::move(status).error();
    if (error.kind == core::ErrorKind::TooLarge) {
      error.kind = core::ErrorKind::NoSpace;
    }
    return error;
  }
  return attributes;
}

std::optional<Stored> stored_of(const std::string& key, const Found& found) {
  if (!found.meta) {
    return std::nullopt;
  }
  return Stored{*found.meta, key, true, !found.listed, is_settled(*found.meta)};
}

bool is_same_thing(const Node& node, const Found& found, const Description& about) {
  return (about.attributes.mode & S_IFMT) == node.type() &&
         (node.is_directory() || !node.stored || node.stored->meta.etag == found.meta->etag);
}

void update(Node& node, const std::string& key, const Found& found, Description about) {
  if (!found.meta) {
    node.stored.reset();
    // Times of a directory without a marker are only in our memory.
    about.attributes.modified = node.about.attributes.modified;
    about.attributes.accessed = node.about.attributes.accessed;
    about.attributes.changed = node.about.attributes.changed;
  } else if (!found.listed || !node.stored || node.stored->meta.etag != found.meta->etag ||
             node.stored->meta.last_modified != found.meta->last_modified) {
    auto stored = stored_of(key, found);
    if (node.stored) {
      stored->meta.settings.acl = std::move(node.stored->meta.settings.acl);  // no look tells it
    }
    node.stored = std::move(stored);
  }
  if (!about.target) {
    about.target = std::move(node.about.target);  // it was read from the body, which is the same
  }
  about.attributes.inode = node.number;
  node.about = std::move(about);
}

bool is_all_stored(const Options& options, const Stored& stored, const Description& about) {
  Found found;
  found.meta = stored.meta;
  const Description shown = describe(options, stored.key, found);
  const Attributes& a = shown.attributes;
  const Attributes& b = about.attributes;
  const bool own_times = options.attributes != AttributeMode::Plain &&
                         (model::parse_posix_meta(stored.meta.user).modified || shown.accessed_set);
  return !own_times && !about.accessed_set && a.mode == b.mode && a.uid == b.uid &&
         a.gid == b.gid && a.device == b.device && shown.xattrs == about.xattrs;
}

bool shows_service_times(const Options& options, const store::ObjectAttributes& attributes) {
  return options.attributes == AttributeMode::Plain || !attributes.user.contains("mtime");
}

void settle(Node& node, const Options& options, const std::string& key, std::uint64_t size,
            const store::Published& published, const store::ObjectAttributes& attributes,
            store::ObjectType type) {
  Stored stored;
  stored.key = key;
  stored.meta.size = size;
  stored.meta.etag = published.etag;
  stored.meta.version_id = published.version_id;
  stored.meta.last_modified = published.last_modified.value_or(core::WallTime{});
  stored.meta.crc64 = published.crc64;
  stored.meta.type = type;
  stored.meta.content_type = attributes.content_type;
  stored.meta.content = attributes.content;
  stored.meta.settings = published.settings;
  stored.meta.user = attributes.user;
  stored.dated = published.last_modified.has_value();
  if (shows_service_times(options, attributes) && stored.dated && !node.is_directory()) {
    const core::WallTime accessed = node.about.attributes.accessed;
    set_times(node.about.attributes, stored.meta.last_modified);
    if (node.about.accessed_set) {
      node.about.attributes.accessed = accessed;
    }
  }
  node.stored = std::move(stored);
  ++node.revision;
}

}  // namespace fs
