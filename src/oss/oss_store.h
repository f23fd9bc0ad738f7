#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/mutex.h"
#include "oss/client.h"
#include "store/keeping.h"
#include "store/object_store.h"

namespace oss {

/// store::ObjectStore over HTTP, in either dialect: what differs is in the client's Traits.
/// Requests without a body beyond their path are one line here; what takes care (resumed reads,
/// lost answers) has a file of its own.
class OssStore final : public store::ObjectStore {
 public:
  OssStore(const Options& options, const Surroundings& world);

  [[nodiscard]] store::Capabilities capabilities() const override { return client_.traits().can; }
  core::Result<store::ObjectMeta> head(const core::OpContext& context,
                                       const model::ObjectKey& key) override;
  void start_head(const core::OpContext& context, const model::ObjectKey& key,
                  HeadDone done) override;
  core::Result<store::Acl> get_acl(const core::OpContext& context,
                                   const model::ObjectKey& key) override;
  core::Result<store::Tags> get_tags(const core::OpContext& context,
                                     const model::ObjectKey& key) override;
  core::Result<std::vector<store::KeptVersion>> versions_before(const core::OpContext& context,
                                                                const model::ObjectKey& key,
                                                                const std::string& id,
                                                                unsigned most) override;
  core::Result<store::ObjectSettings> complete_settings(
      const core::OpContext& context, const std::optional<store::ObjectSettings>& given) override {
    return keeping_.complete(*this, context, given, store::Carried::All);
  }
  core::Result<store::ObjectMeta> read(const core::OpContext& context,
                                       const model::ObjectVersion& version, model::ByteRange range,
                                       store::Sink& sink) override;
  void start_read(const core::OpContext& context, const model::ObjectVersion& version,
                  model::ByteRange range, std::shared_ptr<store::Sink> sink,
                  ReadDone done) override;
  core::Result<store::Published> put(const core::OpContext& context, const model::ObjectKey& key,
                                     std::shared_ptr<const store::Source> source,
                                     const store::ObjectAttributes& attributes,
                                     const store::Precondition& precondition) override;
  core::Result<store::Published> append(const core::OpContext& context, const model::ObjectKey& key,
                                        const Tail& tail) override;
  core::Result<store::Published> copy(const core::OpContext& context,
                                      const store::CopyRequest& request) override;
  core::Status remove(const core::OpContext& context, const model::ObjectKey& key) override;
  core::Status remove_many(const core::OpContext& context,
                           const std::vector<model::ObjectKey>& keys) override;
  core::Result<store::ListPage> list(const core::OpContext& context,
                                     const store::ListQuery& query) override;
  void start_list(const core::OpContext& context, const store::ListQuery& query,
                  ListDone done) override;
  core::Result<store::Published> put_symlink(const core::OpContext& context,
                                             const model::ObjectKey& key,
                                             const model::ObjectKey& target,
                                             const store::ObjectAttributes& attributes,
                                             const store::Precondition& precondition) override;
  core::Result<store::SymlinkInfo> get_symlink(const core::OpContext& context,
                                               const model::ObjectKey& key) override;
  core::Result<std::string> start_upload(const core::OpContext& context,
                                         const model::ObjectKey& key,
                                         const store::ObjectAttributes& attributes) override;
  core::Result<store::PartReceipt> upload_part(const core::OpContext& context,
                                               const model::ObjectKey& key,
                                               const std::string& upload_id, int number,
                                               std::shared_ptr<const store::Source> source,
                                               model::ByteRange range) override;
  core::Result<store::PartReceipt> upload_part_copy(const core::OpContext& context,
                                                    const model::ObjectKey& key,
                                                    const std::string& upload_id, int number,
                                                    const model::ObjectVersion& from,
                                                    model::ByteRange range) override;
  core::Result<store::Published> complete_upload(const core::OpContext& context,
                                                 const model::ObjectKey& key,
                                                 const std::string& upload_id,
                                                 const std::vector<store::PartReceipt>& parts,
                                                 const store::Precondition& precondition) override;
  core::Status abort_upload(const core::OpContext& context, const model::ObjectKey& key,
                            const std::string& upload_id) override;
  core::Result<Probe> probe(const core::OpContext& context, const std::string& prefix) override;
  core::Result<store::SignedUrl> presign(const core::OpContext& context,
                                         const store::UrlRequest& request) override;

 private:
  /// What the answer to HEAD says of the object.
  [[nodiscard]] core::Result<store::ObjectMeta> read_head(const model::ObjectKey& key,
                                                          const http::Response& response) const;
  /// HEAD as it is: of a link it describes what the link leads to.
  core::Result<store::ObjectMeta> head_following(const core::OpContext& context,
                                                 const model::ObjectKey& key);
  /// Whether the n-th answer said that `precondition` is broken while `there`, what HEAD found
  /// afterwards, keeps it. Said again and again it is believed.
  [[nodiscard]] bool is_unfounded(const store::Precondition& precondition,
                                  const core::Result<store::ObjectMeta>& there, int n) const;
  /// A sub-resource of an object, as its document.
  core::Result<std::string> get_document(const core::OpContext& context, Operation operation,
                                         const model::ObjectKey& key, std::string name);
  /// What a copy must say itself of how its source is kept.
  core::Result<store::ObjectSettings> settings_for_copy(const core::OpContext& context,
                                                        const store::CopyRequest& request);
  core::Status remove_batch(const core::OpContext& context,
                            const std::vector<model::ObjectKey>& keys);
  /// Ceph 16 refuses batches to whoever has a session policy, whatever that allows.
  [[nodiscard]] bool denied_to_batches(core::ErrorKind kind) const;
  core::Status remove_each(const core::OpContext& context,
                           const std::vector<model::ObjectKey>& keys);
  /// Without symbolic links in the dialect: Unsupported.
  core::Status need_symlinks() const;
  /// Whether a service that does not keep copies' conditions copied the version that was meant.
  /// Errors: Changed.
  core::Status check_copied(const core::OpContext& context, const model::ObjectVersion& source,
                            const model::ObjectKey& target, const model::ETag& result);
  /// Where objects tell no CRC-64: has the service compare what arrives with its MD5.
  /// Shape: the MD5 in hexadecimal, as in the ETag of an object put at once; else empty.
  core::Result<std::string> seal(Call& call, const std::shared_ptr<const store::Source>& source,
                                 model::ByteRange range);
  /// One request with a body; what was sent is compared with the CRC-64 in the answer.
  core::Result<http::Response> send_data(const core::OpContext& context, Call& call,
                                         const std::shared_ptr<const store::Source>& source,
                                         model::ByteRange range, core::Duration& pause,
                                         std::uint64_t& crc64);

  /// OSS is told the ACL when an upload is completed, all else when it begins.
  /// Source: OSS API, "InitiateMultipartUpload", "CompleteMultipartUpload", request headers.
  void keep_acl(const std::string& upload_id, const store::Acl& acl);
  [[nodiscard]] store::Acl acl_of_upload(const std::string& upload_id) const;

  Client client_;
  store::Keeping keeping_;
  /// A batch was refused whose keys may each be removed all the same: no more batches then.
  std::atomic<bool> batches_denied_{false};
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  std::map<std::string, store::Acl> upload_acls_ GUARDED_BY(mutex_);
};

/// What every request about a key needs to be sensible.
/// Errors: InvalidArgument, NameTooLong.
core::Status check_key(const model::ObjectKey& key);

/// The ETag alone names a version too, for whoever may read objects but not versions of them.
bool may_do_without_version(const core::Error& error, const model::ObjectVersion& version);

}  // namespace oss
