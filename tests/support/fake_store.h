#pragma once
// A bucket in memory that obeys store::ObjectStore and fails on request.
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/mutex.h"
#include "core/thread_pool.h"
#include "store/keeping.h"
#include "store/object_store.h"

namespace test {

enum class Op : std::uint8_t {
  Head,
  GetAcl,
  GetTags,
  Versions,
  Read,
  Put,
  Append,
  Copy,
  Remove,
  RemoveMany,
  List,
  PutSymlink,
  GetSymlink,
  StartUpload,
  UploadPart,
  UploadPartCopy,
  CompleteUpload,
  AbortUpload,
  Probe,
  Count,  ///< how many there are
};

/// Which calls a script applies to.
struct Rule {
  Op op = Op::Head;
  std::string key;                      ///< exactly this key (or listing prefix); empty: any
  int part = 0;                         ///< exactly this part number; 0: any
  std::optional<std::uint64_t> offset;  ///< the range asked for begins here
  std::size_t skip = 0;                 ///< let that many matching calls pass first
  std::size_t times = 1;                ///< 0: for good
  std::uint64_t after_bytes = 0;        ///< Read: takes effect once that many bytes were delivered
  bool after_effect = false;            ///< the change happens, then the answer is lost (failures)
};

/// One call as it came in.
struct Call {
  Op op = Op::Head;
  std::string key;
  model::ByteRange range;
  int part = 0;
  core::Cause cause = core::Cause::Foreground;
};

/// A store::ObjectStore over a map.
///
/// Natively versioned by ETag (MD5 of the content; "<hex>-<parts>" after multipart) as OSS does it,
/// without bucket versioning. Preconditions are kept only as capabilities() say. Times are whole
/// seconds of the clock, like Last-Modified. A deadline or a stop ends a held call.
/// Threads: any; a script's function runs in the calling thread with no lock held.
class FakeStore final : public store::ObjectStore {
 public:
  explicit FakeStore(core::Clock& clock);

  // The bucket as somebody else sees it: neither counted nor scripted.
  model::ObjectVersion set(const std::string& key, std::string content,
                           const store::ObjectAttributes& attributes = {});
  /// The same as an object that may be appended to.
  void set_appendable(const std::string& key, std::string content);
  void set_symlink(const std::string& key, const std::string& target);
  void erase(const std::string& key);
  /// What set() of new objects through the port is kept as, as mount options say.
  void keep_new_as(const store::ObjectSettings& settings);
  [[nodiscard]] std::optional<std::string> content(const std::string& key) const;
  /// Everything, ACL and tags too.
  [[nodiscard]] std::optional<store::ObjectMeta> meta(const std::string& key) const;
  /// The present version; the key must exist.
  [[nodiscard]] model::ObjectVersion version(const std::string& key) const;
  [[nodiscard]] std::vector<std::string> keys() const;
  [[nodiscard]] std::size_t open_uploads() const;
  /// Throws every multipart upload away, as an operator or a lifecycle rule may.
  void drop_uploads();

  void set_capabilities(const store::Capabilities& capabilities);
  /// How many bytes Read hands to its sink at a time.
  void set_chunk_bytes(std::size_t bytes);

  // Scripts. Several may match one call; all take effect, in the order they were given.
  void fail(Rule rule, core::Error error);
  /// Runs `action` in the middle of the call, before its effect.
  void before(Rule rule, std::function<void()> action);
  /// Damages one byte of what Read delivers, or of what Put, UploadPart or CompleteUpload store.
  void corrupt(Rule rule);

  /// Keeps matching calls waiting until it is released or destroyed.
  class Hold {
   public:
    Hold(FakeStore& store, std::size_t id) : store_(&store), id_(id) {}
    Hold(Hold&& other) noexcept : store_(std::exchange(other.store_, nullptr)), id_(other.id_) {}
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    Hold& operator=(Hold&&) = delete;
    ~Hold() { release(); }
    /// Waits (in real time) until `count` calls are held.
    void await(std::size_t count);
    [[nodiscard]] std::size_t waiting() const;
    void release();

   private:
    FakeStore* store_;
    std::size_t id_;
  };
  [[nodiscard]] Hold hold(Rule rule);

  // What was asked of us. RemoveMany counts one request for every thousand keys.
  [[nodiscard]] std::size_t count(Op op) const;
  [[nodiscard]] std::size_t requests() const;
  [[nodiscard]] std::vector<Call> calls(Op op) const;
  /// Body bytes handed to sinks.
  [[nodiscard]] std::uint64_t bytes_read() const;
  /// Most calls of that operation that ran at the same time.
  [[nodiscard]] std::size_t most_at_once(Op op) const;
  void reset_counts();

  /// From now on.
  void keep_versions();

  [[nodiscard]] store::Capabilities capabilities() const override;
  core::Result<store::ObjectMeta> head(const core::OpContext& context,
                                       const model::ObjectKey& key) override;
  /// head(), by a thread of its own.
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
      const core::OpContext& context, const std::optional<store::ObjectSettings>& given) override;
  core::Result<store::ObjectMeta> read(const core::OpContext& context,
                                       const model::ObjectVersion& version, model::ByteRange range,
                                       store::Sink& sink) override;
  /// read(), by a thread of its own; its failures are final.
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
  /// list(), by a thread of its own.
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
  /// "fake://METHOD/KEY?…", good for as long as was asked for. Neither counted nor scripted: it
  /// asks nobody.
  core::Result<store::SignedUrl> presign(const core::OpContext& context,
                                         const store::UrlRequest& request) override;

 private:
  struct Object {
    store::ObjectMeta meta;
    std::shared_ptr<const std::string> content;
    std::string target;  ///< of a symlink
  };
  struct Part {
    store::PartReceipt receipt;
    std::string content;
  };
  struct Upload {
    std::string key;
    store::ObjectAttributes attributes;
    std::map<int, Part> parts;
  };
  struct Script {
    Rule rule;
    std::size_t seen = 0;
    std::optional<core::Error> error;
    std::function<void()> action;
    bool corrupts = false;
    std::optional<std::size_t> hold;
  };
  struct HoldState {
    std::size_t waiting = 0;
    bool released = false;
  };
  /// One scripted effect on one call.
  struct Effect {
    std::uint64_t after_bytes = 0;
    bool after_effect = false;
    std::optional<core::Error> error;
    std::function<void()> action;
    bool corrupts = false;
    std::optional<std::size_t> hold;
  };
  /// Counts a call while it runs.
  class Running {
   public:
    Running(FakeStore& store, Op op);
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running();

   private:
    FakeStore& store_;
    std::size_t index_;
  };

  std::vector<Effect> arrive(const Call& call);
  core::Status apply(const core::OpContext& context, const Effect& effect);
  core::Status apply_all(const core::OpContext& context, const std::vector<Effect>& effects);
  static core::Status lost_answer(const std::vector<Effect>& effects);
  static bool corrupts(const std::vector<Effect>& effects);
  core::Status wait_released(const core::OpContext& context, std::size_t id);
  void release(std::size_t id);

  [[nodiscard]] core::WallTime now() const;
  core::Status check(const std::string& key, const store::Precondition& precondition) const
      REQUIRES(mutex_);
  store::Published insert(const std::string& key, Object object) REQUIRES(mutex_);
  /// The object itself, or what a link leads to; Changed unless it has `etag` (empty: any).
  [[nodiscard]] core::Result<Object> find(const model::ObjectKey& key, const model::ETag& etag,
                                          bool follow) const REQUIRES(mutex_);
  core::Result<Upload*> upload(const model::ObjectKey& key, const std::string& id) REQUIRES(mutex_);
  core::Result<store::PartReceipt> take_part(const model::ObjectKey& key,
                                             const std::string& upload_id, int number,
                                             std::string content);
  /// With all settings known.
  [[nodiscard]] Object plain(std::string content, const store::ObjectAttributes& attributes) const;
  [[nodiscard]] Object link(const std::string& target,
                            const store::ObjectAttributes& attributes) const;
  /// As a HEAD tells it: neither ACL nor tags.
  [[nodiscard]] static store::ObjectMeta told(const model::ObjectKey& key, const Object& object,
                                              core::WallTime now);
  core::Result<store::ObjectSettings> complete(const core::OpContext& context,
                                               const std::optional<store::ObjectSettings>& given,
                                               store::Carried carried);

  core::Clock& clock_;
  std::shared_ptr<store::Keeping> keeping_;
  mutable core::Mutex mutex_{core::LockRank::Transport};
  core::CondVar changed_;
  store::Capabilities capabilities_ GUARDED_BY(mutex_);
  std::size_t chunk_bytes_ GUARDED_BY(mutex_) = 64UL * 1024;
  std::map<std::string, Object> objects_ GUARDED_BY(mutex_);
  bool keeps_versions_ GUARDED_BY(mutex_) = false;
  /// By key, oldest first.
  std::map<std::string, std::vector<store::KeptVersion>> versions_ GUARDED_BY(mutex_);
  std::map<std::string, Upload> uploads_ GUARDED_BY(mutex_);
  std::size_t next_upload_ GUARDED_BY(mutex_) = 1;
  std::vector<Script> scripts_ GUARDED_BY(mutex_);
  std::vector<HoldState> holds_ GUARDED_BY(mutex_);
  std::vector<Call> calls_ GUARDED_BY(mutex_);
  std::uint64_t bytes_read_ GUARDED_BY(mutex_) = 0;
  std::array<std::size_t, static_cast<std::size_t>(Op::Count)> running_ GUARDED_BY(mutex_){};
  std::array<std::size_t, static_cast<std::size_t>(Op::Count)> most_ GUARDED_BY(mutex_){};
  core::ThreadPool network_{"fake-network", 256};  // ends first
};

}  // namespace test
