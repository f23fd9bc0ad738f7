#pragma once
// The port to a bucket: typed operations on native objects. Implemented by `oss` over HTTP and by
// tests/support/fake_store.h in memory; one conformance suite runs over both.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/op_context.h"
#include "core/result.h"
#include "core/time.h"
#include "model/object_key.h"
#include "store/object.h"
#include "store/signed_url.h"

namespace store {

struct ListedObject {
  model::ObjectKey key;
  std::uint64_t size = 0;
  model::ETag etag;
  core::WallTime last_modified;
  ObjectType type = ObjectType::Normal;
  std::string storage_class;
};

struct ListQuery {
  std::string prefix;
  std::string delimiter;           ///< "/" or empty
  std::string start_after;         ///< exclusive; first page only
  std::string continuation_token;  ///< from the page before
  unsigned max_keys = 1000;
};

/// One page, in byte order of the keys within each group.
struct ListPage {
  std::vector<ListedObject> objects;
  std::vector<std::string> common_prefixes;
  std::string next_token;  ///< empty: this was the last page
};

/// When a publish may happen. The store does what its service can: see Capabilities.
struct Precondition {
  enum class Kind : std::uint8_t { None, Absent, Matches };
  Kind kind = Kind::None;
  model::ETag etag;  ///< for Matches
};

/// Bytes to send; rewindable. Immutable while an upload runs; any thread.
class Source {
 public:
  virtual ~Source() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  /// Shape: fewer than asked only at the end.
  virtual core::Result<std::size_t> read(std::uint64_t offset,
                                         std::span<std::byte> buffer) const = 0;
  /// Where the bytes of `range` lie, one run behind the other, so that they can be sent from there.
  /// Memory stays as it is as long as its run is held, files as long as the source. Empty: they are
  /// to be read.
  [[nodiscard]] virtual std::vector<core::Run> runs(model::ByteRange /*range*/) const { return {}; }
  /// The CRC-64 of a range, where that is known without reading it.
  [[nodiscard]] virtual std::optional<std::uint64_t> known_crc64(model::ByteRange /*range*/) const {
    return std::nullopt;
  }
};
std::shared_ptr<const Source> text_source(std::string text);

/// Takes the bytes of a read as they arrive, in order. Called from a thread of the store: must not
/// wait for the network.
class Sink {
 public:
  virtual ~Sink() = default;
  /// What the answer's head says of the object; before the first byte.
  virtual void on_meta(const ObjectMeta& /*meta*/) {}
  /// Where the next bytes would best be put, if that may be chosen: they come to on_data() as a
  /// view of it. Empty: anywhere. A store need not ask.
  virtual std::span<std::byte> room() { return {}; }
  virtual core::Status on_data(core::ByteView data) = 0;
  /// A retry resumes where the last attempt stopped, so bytes never come twice.
};

/// A state that a key has had, in a bucket that keeps versions.
struct KeptVersion {
  std::string id;
  bool removed = false;  ///< nothing: a delete marker
  model::ETag etag;
  std::optional<core::WallTime> last_modified;
};

struct Published {
  model::ETag etag;
  std::string version_id;
  /// What somebody else had put there since the precondition was asked about, and which was not
  /// meant to be replaced. The bucket keeps it.
  std::optional<KeptVersion> overwrote;
  std::optional<std::uint64_t> crc64;
  std::optional<core::WallTime> last_modified;
  ObjectType type = ObjectType::Normal;  ///< Appendable, of what was appended to
  /// How it is kept, as far as we said so. Of an upload that was completed: nothing is known.
  ObjectSettings settings;
};

struct PartReceipt {
  int number = 0;  ///< 1 to 10,000
  model::ETag etag;
  std::uint64_t size = 0;
  std::optional<std::uint64_t> crc64;
};

struct CopyRequest {
  model::ObjectVersion source;  ///< an empty ETag copies whatever is there
  model::ObjectKey target;
  std::optional<ObjectAttributes> replace;  ///< nothing: metadata is copied too
  Precondition precondition;                ///< of the target: None or Absent
  /// Of the source; those in `replace` come first. Nothing: the store looks at the source, because
  /// no service copies all of them unasked.
  std::optional<ObjectSettings> settings;
};

struct SymlinkInfo {
  std::string target_key;
  ObjectMeta meta;  ///< of the link itself, not of its target
};

/// What a dialect can do; asked once.
struct Capabilities {
  bool symlinks = false;          ///< PutSymlink, GetSymlink
  bool create_exclusive = false;  ///< Precondition::Absent is enforced by the service
  bool compare_and_swap = false;  ///< Precondition::Matches is enforced by the service
  bool append = false;            ///< AppendObject
  bool crc64 = false;             ///< objects tell their CRC-64
  /// Last-Modified of what was joined from parts is when that was done, not when it was begun.
  bool dates_joins_at_end = true;
  std::uint64_t min_part_bytes = 100ULL << 10U;
  std::uint64_t max_part_bytes = 5ULL << 30U;
  std::uint64_t max_put_bytes = 5ULL << 30U;
  std::uint64_t max_copy_bytes = 1ULL << 30U;  ///< in one CopyObject; above it, by parts
  int max_parts = 10'000;
};

/// Every operation repeats itself within its context's deadline where that is safe, signs every
/// attempt anew, and waits for credentials as they allow.
///
/// Errors common to all: NoBucket, Denied, Unauthenticated (no credentials in time), TokenRefused
///   (nor does the service take their successor), ClockSkewed, Throttled, Unavailable, Timeout,
///   Cancelled, InvalidArgument, Protocol.
/// Threads: any; every call blocks up to context.deadline.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  [[nodiscard]] virtual Capabilities capabilities() const = 0;

  /// Source: HeadObject. Errors: NotFound. For a Symlink object the answer describes the *link*
  /// (type Symlink, size = length of the target key).
  virtual core::Result<ObjectMeta> head(const core::OpContext& context,
                                        const model::ObjectKey& key) = 0;
  using HeadDone = std::function<void(core::Result<ObjectMeta>)>;
  /// The same as one request that nobody waits for: `done` is called once, by a thread of the
  /// network or at once, and must not block.
  /// Errors: NotFound; any other only says that it takes a head() to know, which tries again, waits
  /// for credentials and follows links.
  virtual void start_head(const core::OpContext& context, const model::ObjectKey& key,
                          HeadDone done) = 0;

  /// Source: GetObjectAcl. Errors: NotFound; Unsupported.
  virtual core::Result<Acl> get_acl(const core::OpContext& context,
                                    const model::ObjectKey& key) = 0;
  /// Source: GetObjectTagging. Errors: NotFound; Unsupported.
  virtual core::Result<Tags> get_tags(const core::OpContext& context,
                                      const model::ObjectKey& key) = 0;
  /// What the key was before its version `id`, newest first, `most` (1 to 1000) at most.
  /// Source: ListObjectVersions. Errors: those common to all.
  virtual core::Result<std::vector<KeptVersion>> versions_before(const core::OpContext& context,
                                                                 const model::ObjectKey& key,
                                                                 const std::string& id,
                                                                 unsigned most) = 0;
  /// What a write with these settings makes of them; put, copy, put_symlink and start_upload do so
  /// by themselves. See Keeping::complete.
  virtual core::Result<ObjectSettings> complete_settings(
      const core::OpContext& context, const std::optional<ObjectSettings>& given) = 0;

  /// Streams `range` of the version into `sink`, verified to be that version and that range.
  /// A range that ends past the object is cut; one that begins past it is OutOfRange.
  /// Errors: NotFound; Changed if the object no longer has `version.etag`.
  /// Source: GetObject (Range, If-Match, x-oss-range-behavior).
  virtual core::Result<ObjectMeta> read(const core::OpContext& context,
                                        const model::ObjectVersion& version, model::ByteRange range,
                                        Sink& sink) = 0;
  /// `again`: what is missing of the range may be had by read(), which tries again and waits for
  /// credentials; the sink has all that came before.
  using ReadDone = std::function<void(core::Result<ObjectMeta>, bool again)>;
  /// The same as one request that nobody waits for: `done` is called once, by a thread of the
  /// network or at once, and must not block.
  virtual void start_read(const core::OpContext& context, const model::ObjectVersion& version,
                          model::ByteRange range, std::shared_ptr<Sink> sink, ReadDone done) = 0;

  /// Errors: Exists or Changed when the precondition fails and the service can tell; TooLarge.
  /// A lost answer is recognised (Evidence) before Exists is reported.
  virtual core::Result<Published> put(const core::OpContext& context, const model::ObjectKey& key,
                                      std::shared_ptr<const Source> source,
                                      const ObjectAttributes& attributes,
                                      const Precondition& precondition) = 0;

  /// What is added to an Appendable object.
  struct Tail {
    std::uint64_t position = 0;            ///< > 0: as long as the object is
    std::optional<std::uint64_t> crc64{};  ///< of the object as it is, if known
    std::shared_ptr<const Source> source;
    model::ByteRange range;  ///< of the source
  };
  /// Adds to an object, which keeps all else that it is. Nobody but the length says that it still
  /// is the object that is meant, but for its sum afterwards.
  ///
  /// A lost answer is recognised by length and CRC-64.
  /// Errors: Changed: it has another length by now; Corrupt: what was added is there, behind other
  ///   bytes than were meant; Unsupported: it is not Appendable, or the service has no such thing;
  ///   TooLarge.
  /// Source: AppendObject.
  virtual core::Result<Published> append(const core::OpContext& context,
                                         const model::ObjectKey& key, const Tail& tail) = 0;

  /// Errors: NotFound; Changed (the source); Exists (the target); TooLarge for one request.
  virtual core::Result<Published> copy(const core::OpContext& context,
                                       const CopyRequest& request) = 0;

  /// No error where there is nothing.
  virtual core::Status remove(const core::OpContext& context, const model::ObjectKey& key) = 0;
  /// Any number of keys; in batches of 1000. Errors: the first one that matters, after all batches.
  virtual core::Status remove_many(const core::OpContext& context,
                                   const std::vector<model::ObjectKey>& keys) = 0;

  virtual core::Result<ListPage> list(const core::OpContext& context, const ListQuery& query) = 0;
  using ListDone = std::function<void(core::Result<ListPage>)>;
  /// The same as one request that nobody waits for: `done` is called once, by a thread of the
  /// network or at once, and must not block.
  /// Errors: any only says that it takes a list() to know, which tries again and waits for
  /// credentials.
  virtual void start_list(const core::OpContext& context, const ListQuery& query,
                          ListDone done) = 0;

  /// A link has no content and no class of its own: of `attributes` it takes metadata and ACL.
  /// Errors: Exists when the precondition says Absent; Unsupported without symlinks.
  virtual core::Result<Published> put_symlink(const core::OpContext& context,
                                              const model::ObjectKey& key,
                                              const model::ObjectKey& target,
                                              const ObjectAttributes& attributes,
                                              const Precondition& precondition) = 0;
  /// Errors: NotFound; InvalidArgument if it is no symlink.
  virtual core::Result<SymlinkInfo> get_symlink(const core::OpContext& context,
                                                const model::ObjectKey& key) = 0;

  // Multipart. Errors beside the common ones: NoUpload.
  virtual core::Result<std::string> start_upload(const core::OpContext& context,
                                                 const model::ObjectKey& key,
                                                 const ObjectAttributes& attributes) = 0;
  /// `range` of `source` becomes part `number`; its CRC-64 is verified against the answer.
  virtual core::Result<PartReceipt> upload_part(const core::OpContext& context,
                                                const model::ObjectKey& key,
                                                const std::string& upload_id, int number,
                                                std::shared_ptr<const Source> source,
                                                model::ByteRange range) = 0;
  /// `range` of `from` becomes part `number` without passing through here.
  virtual core::Result<PartReceipt> upload_part_copy(const core::OpContext& context,
                                                     const model::ObjectKey& key,
                                                     const std::string& upload_id, int number,
                                                     const model::ObjectVersion& from,
                                                     model::ByteRange range) = 0;
  /// Parts ascending. A lost answer (NoUpload on the retry) is recognised (Evidence).
  virtual core::Result<Published> complete_upload(const core::OpContext& context,
                                                  const model::ObjectKey& key,
                                                  const std::string& upload_id,
                                                  const std::vector<PartReceipt>& parts,
                                                  const Precondition& precondition) = 0;
  virtual core::Status abort_upload(const core::OpContext& context, const model::ObjectKey& key,
                                    const std::string& upload_id) = 0;

  /// The least request that shows bucket, credentials and endpoint to be good: at mount.
  /// `may_list` says whether listing below `prefix` is allowed.
  struct Probe {
    bool may_list = true;
  };
  virtual core::Result<Probe> probe(const core::OpContext& context, const std::string& prefix) = 0;

  /// A URL that allows what `request` says. Sends nothing; waits for credentials like a request.
  /// Errors: InvalidArgument for what cannot be signed; NameTooLong; Unsupported (a restriction
  ///   that the dialect does not have); Unauthenticated, also with anonymous credentials.
  /// Source: OSS API, "Include signatures in URLs" (V1, V4); AWS SigV4, query parameters.
  virtual core::Result<SignedUrl> presign(const core::OpContext& context,
                                          const UrlRequest& request) = 0;
};

}  // namespace store
