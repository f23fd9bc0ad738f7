#pragma once
// What whole uploads and those that begin early have in common: parts, and the end, under its
// condition, once, and verified.
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/op_context.h"
#include "core/result.h"
#include "store/object_store.h"
#include "transfer/metrics.h"
#include "transfer/upload_log.h"

namespace transfer {

/// Threads: any; calls block.
class Publishing {
 public:
  /// All outlive it. No `log`: nobody writes down what is under way.
  Publishing(store::ObjectStore& store, core::Clock& clock, const Counters& counters,
             UploadLog* log = nullptr)
      : store_(store), clock_(clock), counters_(counters), log_(log) {}

  /// Begins an upload. Shape: its id. Errors: those of ObjectStore::start_upload.
  core::Result<std::string> start(const core::OpContext& context, const model::ObjectKey& key,
                                  const store::ObjectAttributes& attributes);
  /// What an earlier process left of an upload with these attributes; others of the key are
  /// aborted.
  std::optional<LeftUpload> take_left(const core::OpContext& context, const model::ObjectKey& key,
                                      const store::ObjectAttributes& attributes);
  /// Sends one part, and counts it. Shape: the receipt has the part's sum, whatever the service
  /// says. Errors: those of ObjectStore::upload_part and source_sum().
  core::Result<store::PartReceipt> send_part(const core::OpContext& context,
                                             const model::ObjectKey& key,
                                             const std::string& upload_id, int number,
                                             const std::shared_ptr<const store::Source>& source,
                                             model::ByteRange range);

  /// Has the service copy one part, and counts it. Errors: Changed, NotFound: the source is another
  /// by now, or gone.
  core::Result<store::PartReceipt> copy_part(const core::OpContext& context,
                                             const model::ObjectKey& key,
                                             const std::string& upload_id, int number,
                                             const model::ObjectVersion& from,
                                             model::ByteRange range);

  /// Asks whether `precondition` holds, where the service does not keep it itself.
  /// Errors: Exists or Changed: it does not.
  core::Status check(const core::OpContext& context, const model::ObjectKey& key,
                     const store::Precondition& precondition);

  /// Parts that are all there, and what they are to become.
  struct Assembled {
    model::ObjectKey key;
    std::string upload_id;
    store::ObjectAttributes attributes;  ///< with complete settings
    store::Precondition precondition;
    std::uint64_t size = 0;
    std::vector<store::PartReceipt> parts;
    std::optional<std::uint64_t> crc64;  ///< of the whole, where the parts do not tell
  };
  /// Joins them. An answer that was lost is recognised. Leaves aborting to the caller.
  core::Result<store::Published> complete(const core::OpContext& context,
                                          const Assembled& assembled);
  /// Where the service does not keep the precondition itself, somebody else may have been faster
  /// than what was published; a bucket that keeps versions tells. Sets `published.overwrote`.
  /// Finding nothing out is no failure.
  void look_what_was_overwritten(const core::OpContext& context, const model::ObjectKey& key,
                                 const store::Precondition& precondition,
                                 store::Published& published);
  /// In time of its own. Only logs if that fails: the parts stay and are billed.
  void abort(const core::OpContext& context, const model::ObjectKey& key,
             const std::string& upload_id, const core::Error& why);

  /// Removes what was of use on the way, in time of its own.
  core::Status remove(const model::ObjectKey& key);

  /// Errors: Corrupt: the service has other bytes than were sent.
  static core::Status compare(const store::Published& published, std::uint64_t sum);

 private:
  [[nodiscard]] core::OpContext afterwards(const core::OpContext& context) const;
  core::Result<store::Published> look_whether_completed(const core::OpContext& context,
                                                        const Assembled& assembled,
                                                        std::optional<std::uint64_t> sum,
                                                        core::Error error);

  store::ObjectStore& store_;
  core::Clock& clock_;
  const Counters& counters_;
  std::atomic<bool> versions_denied_ = false;  ///< to this role
  UploadLog* const log_;
};

}  // namespace transfer
