#pragma once
// Bytes to the bucket: one PutObject, or a multipart upload above a threshold, which may begin
// while they are written.
#include <memory>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/op_context.h"
#include "core/result.h"
#include "store/object_store.h"
#include "transfer/outgoing.h"

namespace transfer {

struct UploadOptions {
  std::uint64_t multipart_threshold_bytes = 16ULL << 20U;  ///< below: one PutObject
  std::uint64_t part_bytes = 8ULL << 20U;                  ///< grows so that the part limit is kept
  unsigned connections = 8;  ///< part uploads under way at once, per mount
};

/// The writing side of one mount. Threads: any; calls block.
class Uploads {
 public:
  static std::unique_ptr<Uploads> create(store::ObjectStore& store, core::Clock& clock,
                                         core::Metrics& metrics, UploadOptions options);
  virtual ~Uploads() = default;

  /// Publishes `source` as `key` and verifies it by CRC-64.
  ///
  /// The result says how the object is kept, also where the service does not.
  /// The precondition is kept by the service where it can; where it cannot, a HEAD just before
  /// publishing decides, and the window between the two remains (docs/semantics.md).
  /// Errors:  Exists or Changed: somebody else published first, and nothing of ours was published;
  ///          those of ObjectStore::put. A failed multipart upload is aborted.
  virtual core::Result<store::Published> publish(const core::OpContext& context,
                                                 const model::ObjectKey& key,
                                                 std::shared_ptr<const store::Source> source,
                                                 const store::ObjectAttributes& attributes,
                                                 const store::Precondition& precondition) = 0;

  /// The same for content that is written from now on, beginning with none, into `source`.
  virtual std::shared_ptr<Outgoing> begin(std::shared_ptr<const store::Source> source) = 0;

  /// Copies on the server, by parts where one request may not. `size` comes from source.size.
  virtual core::Result<store::Published> copy(const core::OpContext& context,
                                              const store::CopyRequest& request) = 0;
};

}  // namespace transfer
