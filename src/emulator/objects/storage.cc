#include "emulator/objects/storage.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "core/format.h"
#include "core/log.h"
#include "core/os_error.h"
#include "core/random.h"
#include "core/text.h"

namespace emulator {
namespace {

constexpr std::uint64_t kLargestAppendable = std::uint64_t{5} << 30U;

std::string upper(std::string text) {
  for (char& c : text) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return text;
}

}  // namespace

std::string_view to_string(ObjectType type) {
  switch (type) {
    case ObjectType::Normal:
      return "Normal";
    case ObjectType::Multipart:
      return "Multipart";
    case ObjectType::Appendable:
      return "Appendable";
    case ObjectType::Symlink:
      return "Symlink";
  }
  return "Normal";
}

core::Result<std::unique_ptr<Storage>> Storage::open(const std::string& data_dir,
                                                     const core::Clock& clock) {
  if (data_dir.empty()) {
    TRY_ASSIGN(auto blobs, BlobStore::open({}));
    return std::unique_ptr<Storage>(new Storage(clock, {}, std::move(blobs), {}, std::nullopt));
  }
  if (::mkdir(data_dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return core::os_error(errno, "make the folder " + data_dir);
  }
  core::UniqueFd lock(::open((data_dir + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) {
    return core::os_error(errno, "open the lock of " + data_dir);
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return core::fail(core::ErrorKind::Busy,
                      core::format("another emulator uses the folder {}", data_dir));
  }
  TRY_ASSIGN(auto blobs, BlobStore::open(data_dir + "/objects"));
  Buckets buckets;
  TRY_ASSIGN(Journal journal, Journal::open(data_dir + "/objects.log", *blobs, buckets));
  blobs->forget_found();
  return std::unique_ptr<Storage>(new Storage(clock, std::move(lock), std::move(blobs),
                                              std::move(buckets), std::move(journal)));
}

Storage::Storage(const core::Clock& clock, core::UniqueFd lock, std::unique_ptr<BlobStore> blobs,
                 Buckets buckets, std::optional<Journal> journal)
    : clock_(clock),
      lock_(std::move(lock)),
      blobs_(std::move(blobs)),
      buckets_(std::move(buckets)),
      journal_(std::move(journal)) {}

Storage::~Storage() { blobs_->keep_files(); }

/// Whole seconds, as the service knows them.
core::WallTime Storage::now() const {
  return core::wall_from_unix(core::unix_seconds(clock_.wall_now()));
}

std::string Storage::fresh_id(std::string_view prefix) {
  return std::string(prefix) + upper(core::random_hex(16));
}

Outcome<bool> Storage::commit(const Change& change) {
  if (journal_) {
    if (const core::Status written = journal_->append(change); !written) {
      return refuse(internal_error("The disk failed: " + core::describe(written.error())));
    }
  }
  apply(buckets_, change);
  return true;
}

Outcome<const Bucket*> Storage::bucket_locked(std::string_view name) const {
  const auto at = buckets_.find(name);
  if (at == buckets_.end()) {
    return refuse(no_such_bucket(name));
  }
  return &at->second;
}

Outcome<bool> Storage::put_bucket(std::string_view name, std::string_view acl,
                                  std::string_view storage_class) {
  const core::MutexLock lock(mutex_);
  const auto at = buckets_.find(name);
  const bool fresh = at == buckets_.end();
  BucketFacts facts;
  if (!fresh) {
    facts = at->second.facts;
    if (acl.empty() || facts.acl == acl) {
      return false;
    }
  } else {
    facts.name = name;
    facts.created = now();
    if (!storage_class.empty()) {
      facts.storage_class = storage_class;
    }
  }
  if (!acl.empty()) {
    facts.acl = acl;
  }
  if (auto done = commit(PutBucketChange{facts}); !done) {
    return done;
  }
  return fresh;
}

Outcome<BucketFacts> Storage::bucket(std::string_view name) const {
  const core::MutexLock lock(mutex_);
  const auto found = bucket_locked(name);
  if (!found) {
    return refuse(found.error());
  }
  return (*found)->facts;
}

Outcome<BucketFacts> Storage::set_versioning(std::string_view name, Versioning versioning) {
  const core::MutexLock lock(mutex_);
  const auto found = bucket_locked(name);
  if (!found) {
    return refuse(found.error());
  }
  BucketFacts facts = (*found)->facts;
  facts.versioning = versioning;
  if (const auto done = commit(PutBucketChange{facts}); !done) {
    return refuse(done.error());
  }
  return facts;
}

Outcome<BucketFacts> Storage::drop_bucket(std::string_view name) {
  const core::MutexLock lock(mutex_);
  const auto found = bucket_locked(name);
  if (!found) {
    return refuse(found.error());
  }
  BucketFacts facts = (*found)->facts;
  if (!(*found)->objects.empty() || !(*found)->uploads.empty()) {
    ServiceError error = service_error(
        409, "BucketNotEmpty", "The bucket you tried to delete is not empty.", "0015-00000301");
    error.details.emplace_back("BucketName", name);
    return refuse(std::move(error));
  }
  if (const auto done = commit(DropBucketChange{std::string(name)}); !done) {
    return refuse(done.error());
  }
  return facts;
}

std::vector<BucketFacts> Storage::buckets() const {
  const core::MutexLock lock(mutex_);
  std::vector<BucketFacts> all;
  for (const auto& [name, bucket] : buckets_) {
    all.push_back(bucket.facts);
  }
  return all;
}

Outcome<BucketStat> Storage::stat(std::string_view name) const {
  const core::MutexLock lock(mutex_);
  const auto found = bucket_locked(name);
  if (!found) {
    return refuse(found.error());
  }
  BucketStat stat;
  for (const auto& [key, versions] : (*found)->objects) {
    for (const VersionPtr& version : versions) {
      stat.bytes += version->body.size();
      ++(version->delete_marker ? stat.delete_markers : stat.objects);
    }
  }
  for (const auto& [id, upload] : (*found)->uploads) {
    ++stat.uploads;
    stat.parts += upload.parts.size();
  }
  return stat;
}

Outcome<VersionPtr> Storage::find_locked(std::string_view bucket_name, std::string_view key,
                                         std::string_view id) const {
  const auto bucket = bucket_locked(bucket_name);
  if (!bucket) {
    return refuse(bucket.error());
  }
  const auto& objects = (*bucket)->objects;
  const auto at = objects.find(key);
  if (id.empty()) {
    if (at == objects.end()) {
      return refuse(no_such_key(key));
    }
    const VersionPtr& current = at->second.front();
    if (current->delete_marker) {
      ServiceError error = no_such_key(key);
      error.details.emplace_back("DeleteMarkerVersionId", current->id);
      return refuse(std::move(error));
    }
    return current;
  }
  if (at != objects.end()) {
    for (const VersionPtr& version : at->second) {
      if (version->id != id) {
        continue;
      }
      if (version->delete_marker) {
        ServiceError error = service_error(
            405, "MethodNotAllowed", "The specified method is not allowed against this resource.",
            "0003-00000016");
        error.details.emplace_back("ResourceType", "DeleteMarker");
        error.details.emplace_back("DeleteMarkerVersionId", version->id);
        return refuse(std::move(error));
      }
      return version;
    }
  }
  return refuse(no_such_version(key, id));
}

Outcome<VersionPtr> Storage::find(std::string_view bucket, std::string_view key,
                                  std::string_view id) const {
  const core::MutexLock lock(mutex_);
  return find_locked(bucket, key, id);
}

Outcome<VersionPtr> Storage::put_locked(const Bucket& bucket, const std::string& key, Version draft,
                                        const PutRule& rule) {
  const auto at = bucket.objects.find(key);
  const bool exists = at != bucket.objects.end() && !at->second.front()->delete_marker;
  if (rule.forbid_overwrite && exists && bucket.facts.versioning == Versioning::Never) {
    ServiceError error = service_error(409, "FileAlreadyExists",
                                       "The object you specified already exists and can not be "
                                       "overwritten.",
                                       "0026-00000002");
    error.details.emplace_back("Key", key);
    return refuse(std::move(error));
  }
  if (rule.if_none_match && exists) {
    return refuse(precondition_failed("If-None-Match"));
  }
  if (rule.if_match) {
    if (!exists) {
      return refuse(no_such_key(key));
    }
    if (!core::equal_ignoring_case(at->second.front()->etag, *rule.if_match)) {
      return refuse(precondition_failed("If-Match"));
    }
  }
  draft.id = bucket.facts.versioning == Versioning::Enabled ? fresh_id("CAEQ") : "null";
  draft.modified = now();
  auto version = std::make_shared<const Version>(std::move(draft));
  if (const auto done = commit(PutVersionChange{bucket.facts.name, key, version, false}); !done) {
    return refuse(done.error());
  }
  return version;
}

Outcome<VersionPtr> Storage::put(std::string_view bucket_name, const std::string& key,
                                 Version draft, const PutRule& rule) {
  const core::MutexLock lock(mutex_);
  const auto bucket = bucket_locked(bucket_name);
  if (!bucket) {
    return refuse(bucket.error());
  }
  return put_locked(**bucket, key, std::move(draft), rule);
}

Outcome<VersionPtr> Storage::append(std::string_view bucket_name, const std::string& key,
                                    std::uint64_t position, const Incoming& more, Version draft) {
  const core::MutexLock lock(mutex_);
  const auto bucket = bucket_locked(bucket_name);
  if (!bucket) {
    return refuse(bucket.error());
  }
  const auto at = (*bucket)->objects.find(key);
  const bool exists = at != (*bucket)->objects.end() && !at->second.front()->delete_marker;
  if (exists && at->second.front()->type != ObjectType::Appendable) {
    return refuse(service_error(409, "ObjectNotAppendable", "The object is not appendable.",
                                "0026-00000017"));
  }
  const std::uint64_t length = exists ? at->second.front()->body.size() : 0;
  if (position != length) {
    ServiceError error = service_error(409, "PositionNotEqualToLength",
                                       "Position is not equal to file length.", "0026-00000016");
    error.details.emplace_back("NextAppendPosition", std::to_string(length));
    return refuse(std::move(error));
  }
  if (length + more.body.size() > kLargestAppendable) {
    return refuse(service_error(400, "EntityTooLarge", "The object would exceed 5 GB."));
  }
  const std::uint64_t before = exists ? at->second.front()->crc64 : 0;
  const std::uint64_t crc64 = core::crc64_combine(before, more.crc64, more.body.size());
  std::string etag = core::format("{:016X}{:08X}00000000", crc64, length + more.body.size());
  if (!exists) {
    draft.type = ObjectType::Appendable;
    draft.body = more.body;
    draft.crc64 = crc64;
    draft.etag = std::move(etag);
    return put_locked(**bucket, key, std::move(draft), {});
  }
  const AppendChange change{(*bucket)->facts.name, key, more.body, crc64, std::move(etag), now()};
  if (const auto done = commit(change); !done) {
    return refuse(done.error());
  }
  return at->second.front();
}

Outcome<VersionPtr> Storage::amend(std::string_view bucket, const std::string& key,
                                   std::string_view id, std::string_view acl,
                                   const std::optional<Pairs>& tags) {
  const core::MutexLock lock(mutex_);
  auto found = find_locked(bucket, key, id);
  if (!found) {
    return found;
  }
  Version changed = **found;
  if (!acl.empty()) {
    changed.acl = acl;
  }
  if (tags) {
    changed.tags = *tags;
  }
  auto version = std::make_shared<const Version>(std::move(changed));
  if (const auto done = commit(PutVersionChange{std::string(bucket), key, version, true}); !done) {
    return refuse(done.error());
  }
  return version;
}

Outcome<Removed> Storage::drop_locked(const std::string& bucket, const std::string& key,
                                      Removed removed, std::string_view id) {
  if (const auto done = commit(DropVersionChange{bucket, key, std::string(id)}); !done) {
    return refuse(done.error());
  }
  return removed;
}

Outcome<Removed> Storage::remove(std::string_view bucket_name, const std::string& key,
                                 std::string_view id) {
  const core::MutexLock lock(mutex_);
  const auto found = bucket_locked(bucket_name);
  if (!found) {
    return refuse(found.error());
  }
  const Bucket& bucket = **found;
  Removed removed;
  const auto at = bucket.objects.find(key);
  if (!id.empty()) {
    removed.version_id = id;
    if (at != bucket.objects.end()) {
      for (const VersionPtr& version : at->second) {
        removed.delete_marker |= version->id == id && version->delete_marker;
      }
    }
    return drop_locked(bucket.facts.name, key, removed, id);
  }
  if (bucket.facts.versioning == Versioning::Never) {
    if (at == bucket.objects.end()) {
      return removed;
    }
    return drop_locked(bucket.facts.name, key, removed, "null");
  }
  Version marker;
  marker.delete_marker = true;
  const auto made = put_locked(bucket, key, std::move(marker), {});
  if (!made) {
    return refuse(made.error());
  }
  removed.version_id = (*made)->id;
  removed.delete_marker = true;
  return removed;
}

Outcome<bool> Storage::fill(std::string_view bucket, const std::string& prefix, std::uint64_t count,
                            std::uint64_t size) {
  const core::MutexLock lock(mutex_);
  const auto found = bucket_locked(bucket);
  if (!found) {
    return refuse(found.error());
  }
  return commit(FillChange{std::string(bucket), prefix, count, size, now()});
}

Outcome<ListPage> Storage::list(std::string_view bucket, const ListQuery& query) const {
  const core::MutexLock lock(mutex_);
  const auto found = bucket_locked(bucket);
  if (!found) {
    return refuse(found.error());
  }
  return list_objects(**found, query);
}

Outcome<VersionsPage> Storage::list_versions(std::string_view bucket,
                                             const VersionsQuery& query) const {
  const core::MutexLock lock(mutex_);
  const auto found = bucket_locked(bucket);
  if (!found) {
    return refuse(found.error());
  }
  return emulator::list_versions(**found, query);
}

}  // namespace emulator
