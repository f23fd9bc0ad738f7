#include "fs/description.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

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

/// Another version than the one we know: somebody else's.
void replace(Node& node, Stored stored) {
  node.stored = std::move(stored);
  ++node.lineage;
  ++node.epoch;
  node.staged.reset();
}

void keep_number(Node& node, Description about) {
  about.attributes.inode = node.number;
  node.about = std::move(about);
}

}  // namespace

Description describe(const Options& options, const Found& found) {
  Description about;
  Attributes& attributes = about.attributes;
  attributes = defaults(options, found.directory);
  if (!found.meta) {
    // A directory that only its content shows. Nothing says when it changed.
    return about;
  }
  const store::ObjectMeta& meta = *found.meta;
  model::PosixMeta posix = model::parse_posix_meta(meta.user);
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
  if (!found.directory) {
    attributes.size = meta.size;
  }
  if (meta.type == store::ObjectType::Symlink) {
    about.target = posix.symlink_target;
    attributes.size = about.target ? about.target->size() : 0;
  }
  return about;
}

Stored stored_of(const std::string& key, const store::ObjectMeta& meta) {
  Stored stored;
  stored.version.key = model::ObjectKey(key);
  stored.version.etag = meta.etag;
  stored.version.size = meta.size;
  stored.version.version_id = meta.version_id;
  stored.last_modified = meta.last_modified;
  stored.type = meta.type;
  stored.content_type = meta.content_type;
  stored.content = meta.content;
  stored.settings = meta.settings;
  stored.crc64 = meta.crc64;
  stored.user = meta.user;
  return stored;
}

Description describe(const Options& options, const cache::ListedName& row) {
  Description about;
  about.attributes = defaults(options, row.directory);
  if (row.symlink) {
    about.attributes.mode = S_IFLNK | 0777;
  }
  about.attributes.size = row.size;
  set_times(about.attributes, row.last_modified);
  return about;
}

Attributes new_attributes(mode_t mode, uid_t uid, gid_t gid, core::WallTime now) {
  Attributes attributes;
  attributes.mode = mode;
  attributes.uid = uid;
  attributes.gid = gid;
  set_times(attributes, now);
  return attributes;
}

namespace {

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
           : name == "mtime" ? now.modified == stored.last_modified
           : name == "atime" ? !about.accessed_set
                             : true;
  };
  std::set<std::string> kept;
  std::copy_if(unread.begin(), unread.end(), std::inserter(kept, kept.end()), is_kept);
  return kept;
}

std::string type_for(const Options& options, const std::string& key,
                     const std::optional<Stored>& stored, mode_t mode) {
  if (stored && (!stored->content_type.empty() || stored->version.key.text() == key)) {
    return S_ISREG(mode)
               ? options.media_types->moved(stored->content_type, stored->version.key.text(), key)
               : stored->content_type;
  }
  return std::string(S_ISDIR(mode)   ? kDirectoryType
                     : S_ISREG(mode) ? options.media_types->of(key)
                                     : model::MediaTypes::kUnknown);
}

}  // namespace

core::Result<store::ObjectAttributes> object_attributes(const Options& options,
                                                        const std::string& key,
                                                        const std::optional<Stored>& stored,
                                                        const Description& about) {
  model::PosixMeta posix;
  posix.mode = about.attributes.mode;
  posix.uid = about.attributes.uid;
  posix.gid = about.attributes.gid;
  posix.modified = about.attributes.modified;
  posix.changed = about.attributes.changed;
  if (about.accessed_set) {
    posix.accessed = about.attributes.accessed;
  }
  if (about.attributes.device != 0) {
    posix.device = about.attributes.device;
  }
  posix.xattrs = about.xattrs;
  store::ObjectAttributes attributes;
  attributes.content_type = type_for(options, key, stored, about.attributes.mode);
  if (stored) {
    posix.unread = unchanged(options, model::parse_posix_meta(stored->user).unread, *stored, about);
    attributes.content = stored->content;
    attributes.settings = stored->settings;
    if (stored->settings.origin.empty()) {
      attributes.settings->origin = stored->version.key;  // known from a listing alone
    }
  }
  TRY_ASSIGN(attributes.user,
             model::with_posix_meta(stored ? stored->user : store::UserMeta{}, posix));
  if (auto status = store::check_user_meta(attributes.user, "x-oss-meta-"); !status) {
    core::Error error = std::move(status).error();
    if (error.kind == core::ErrorKind::TooLarge) {
      error.kind = core::ErrorKind::NoSpace;
    }
    return error;
  }
  return attributes;
}

bool same_type(const Node& node, const Description& found) {
  return node.type() == (found.attributes.mode & S_IFMT);
}

bool update(Node& node, const Options& options, const std::string& key, const Found& found) {
  Description about = describe(options, found);
  if (found.symlink_key) {
    about.target = link_text(options.prefix, key, *found.symlink_key);
    about.attributes.size = about.target->size();
  }
  bool foreign = false;
  if (!found.meta) {
    node.stored.reset();
    if (node.exact && node.is_directory()) {
      // Times of a directory without a marker are only in our memory.
      about.attributes.modified = node.about.attributes.modified;
      about.attributes.accessed = node.about.attributes.accessed;
      about.attributes.changed = node.about.attributes.changed;
    }
  } else {
    Stored stored = stored_of(key, *found.meta);
    foreign = node.stored && node.stored->version.etag != stored.version.etag;
    if (node.stored && !foreign) {
      stored.settings.acl = std::move(node.stored->settings.acl);  // which no look tells
    }
    if (foreign) {
      replace(node, std::move(stored));
    } else {
      node.stored = std::move(stored);
    }
  }
  keep_number(node, std::move(about));
  node.exact = true;
  return foreign && !node.is_directory();
}

bool row_fits(const Node& node, const cache::ListedName& row) {
  if (row.directory || node.is_directory()) {
    return row.directory == node.is_directory();
  }
  const bool same = node.stored && node.stored->version.etag == row.etag &&
                    node.stored->last_modified.value_or(row.last_modified) == row.last_modified;
  return (node.exact && same) || (node.is_regular() && !row.symlink);
}

bool update(Node& node, const Options& options, const std::string& key,
            const cache::ListedName& row) {
  if (row.directory) {
    // A common prefix says nothing of a marker; what we knew is still the best we know.
    if (node.type() == 0) {
      keep_number(node, describe(options, row));
      node.exact = false;
    }
    return false;
  }
  const bool known = node.stored.has_value();
  const bool same_content = known && node.stored->version.etag == row.etag;
  if (same_content && node.stored->last_modified.value_or(row.last_modified) == row.last_modified) {
    node.stored->last_modified = row.last_modified;
    return false;
  }
  Stored stored;
  stored.version.key = model::ObjectKey(key);
  stored.version.etag = row.etag;
  stored.version.size = row.size;
  stored.last_modified = row.last_modified;
  stored.type = row.symlink ? store::ObjectType::Symlink : store::ObjectType::Normal;
  if (known && !same_content) {
    replace(node, std::move(stored));
  } else {
    node.stored = std::move(stored);
  }
  keep_number(node, describe(options, row));
  node.exact = false;
  return known && !same_content;
}

}  // namespace fs
