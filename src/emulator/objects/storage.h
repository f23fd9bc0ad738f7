#pragma once
// The buckets and their rules: what each operation does to them, and what the service says when
// it cannot. Knows nothing of HTTP.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/mutex.h"
#include "emulator/objects/journal.h"
#include "emulator/objects/listing.h"
#include "emulator/objects/objects.h"
#include "emulator/wire/body.h"
#include "emulator/wire/errors.h"

namespace emulator {

/// What must hold for a put to happen.
struct PutRule {
  bool forbid_overwrite = false;        ///< x-oss-forbid-overwrite; void in versioned buckets
  bool if_none_match = false;           ///< S3: If-None-Match: *
  std::optional<std::string> if_match;  ///< S3: If-Match on PUT
};

struct Removed {
  std::string version_id;      ///< of the marker made, or of the version removed; may be empty
  bool delete_marker = false;  ///< a marker was made, or what was removed was one
};

struct BucketStat {
  std::uint64_t bytes = 0;
  std::uint64_t objects = 0;
  std::uint64_t uploads = 0;
  std::uint64_t parts = 0;
  std::uint64_t delete_markers = 0;
};

/// One part as CompleteMultipartUpload names it.
struct PartName {
  int number = 0;
  std::string etag;
};

/// What the end of a multipart upload is told besides its parts.
struct Completion {
  std::string_view acl;  ///< in place of the one given at the start, unless empty
  std::uint64_t smallest_part = 0;
  /// The ETag is the MD5 of the parts' ETags: of their text in OSS (the tests of its Go SDK hold a
  /// value that shows it), of the bytes that they stand for in S3.
  bool etag_of_text = true;
};

/// Threads: any. Every call is short; with a data folder a change is one append to the journal.
/// Errors: NoSuchBucket everywhere but where it makes no sense; InternalError if the disk fails.
class Storage {
 public:
  /// `data_dir` empty: nothing survives. Errors: Busy while another emulator uses the folder.
  static core::Result<std::unique_ptr<Storage>> open(const std::string& data_dir,
                                                     const core::Clock& clock);
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  ~Storage();

  [[nodiscard]] BlobStore& blobs() { return *blobs_; }

  /// False if it existed already (its ACL is then changed, if `acl` is not empty).
  Outcome<bool> put_bucket(std::string_view name, std::string_view acl,
                           std::string_view storage_class);
  Outcome<BucketFacts> bucket(std::string_view name) const;
  Outcome<BucketFacts> set_versioning(std::string_view name, Versioning versioning);
  /// BucketNotEmpty while an object, a version or an upload is left.
  Outcome<BucketFacts> drop_bucket(std::string_view name);
  [[nodiscard]] std::vector<BucketFacts> buckets() const;
  Outcome<BucketStat> stat(std::string_view name) const;

  /// The version `id`, or the current one if empty. NoSuchKey (details tell of a delete marker),
  /// NoSuchVersion, MethodNotAllowed for a delete marker by its id.
  Outcome<VersionPtr> find(std::string_view bucket, std::string_view key,
                           std::string_view id = {}) const;
  /// Stores `draft` under the id and time that the bucket gives it.
  /// FileAlreadyExists, PreconditionFailed, NoSuchKey by `rule`.
  Outcome<VersionPtr> put(std::string_view bucket, const std::string& key, Version draft,
                          const PutRule& rule);
  /// Adds `more` at `position`; `draft` gives the headers of an object that this creates.
  /// PositionNotEqualToLength, ObjectNotAppendable.
  Outcome<VersionPtr> append(std::string_view bucket, const std::string& key,
                             std::uint64_t position, const Incoming& more, Version draft);
  /// Replaces ACL (if not empty) or tags (if given) of a version where it stands.
  Outcome<VersionPtr> amend(std::string_view bucket, const std::string& key, std::string_view id,
                            std::string_view acl, const std::optional<Pairs>& tags);
  Outcome<Removed> remove(std::string_view bucket, const std::string& key, std::string_view id);
  /// `count` objects PREFIX00000000… of `size` bytes, at once; replaces what is there.
  Outcome<bool> fill(std::string_view bucket, const std::string& prefix, std::uint64_t count,
                     std::uint64_t size);

  Outcome<ListPage> list(std::string_view bucket, const ListQuery& query) const;
  Outcome<VersionsPage> list_versions(std::string_view bucket, const VersionsQuery& query) const;
  Outcome<UploadsPage> list_uploads(std::string_view bucket, const UploadsQuery& query) const;

  Outcome<std::string> initiate(std::string_view bucket, const std::string& key, Version draft);
  /// The upload with its parts. NoSuchUpload.
  Outcome<Upload> upload(std::string_view bucket, std::string_view key,
                         std::string_view upload_id) const;
  /// The same without its copy.
  Outcome<bool> upload_exists(std::string_view bucket, std::string_view key,
                              std::string_view upload_id) const;
  Outcome<Part> put_part(std::string_view bucket, std::string_view key,
                         const std::string& upload_id, int number, const Incoming& incoming);
  /// `names` empty: every part. InvalidPart, InvalidPartOrder, EntityTooSmall.
  Outcome<VersionPtr> complete(std::string_view bucket, const std::string& key,
                               const std::string& upload_id, std::vector<PartName> names,
                               const PutRule& rule, const Completion& how);
  Outcome<bool> abort(std::string_view bucket, std::string_view key, const std::string& upload_id);

 private:
  Storage(const core::Clock& clock, core::UniqueFd lock, std::unique_ptr<BlobStore> blobs,
          Buckets buckets, std::optional<Journal> journal);

  Outcome<const Bucket*> bucket_locked(std::string_view name) const REQUIRES(mutex_);
  Outcome<VersionPtr> find_locked(std::string_view bucket, std::string_view key,
                                  std::string_view id) const REQUIRES(mutex_);
  Outcome<const Upload*> upload_locked(std::string_view bucket, std::string_view key,
                                       std::string_view upload_id) const REQUIRES(mutex_);
  Outcome<VersionPtr> put_locked(const Bucket& bucket, const std::string& key, Version draft,
                                 const PutRule& rule) REQUIRES(mutex_);
  Outcome<Removed> drop_locked(const std::string& bucket, const std::string& key, Removed removed,
                               std::string_view id) REQUIRES(mutex_);
  /// Writes the change down, then makes it true.
  Outcome<bool> commit(const Change& change) REQUIRES(mutex_);
  std::string fresh_id(std::string_view prefix) REQUIRES(mutex_);
  [[nodiscard]] core::WallTime now() const;

  const core::Clock& clock_;
  const core::UniqueFd lock_;  ///< of the data folder: one emulator at a time
  const std::unique_ptr<BlobStore> blobs_;
  mutable core::Mutex mutex_{core::LockRank::Cache};
  Buckets buckets_ GUARDED_BY(mutex_);
  std::optional<Journal> journal_ GUARDED_BY(mutex_);
};

}  // namespace emulator
