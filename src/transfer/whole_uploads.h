#pragma once
#include <memory>

#include "core/op_context.h"
#include "core/result.h"
#include "store/object_store.h"

namespace transfer {

/// Objects made of content that is all there. Threads: any; calls block.
class WholeUploads {
 public:
  virtual ~WholeUploads() = default;

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

  /// Copies on the server, by parts where one request may not. `size` comes from source.size.
  virtual core::Result<store::Published> copy(const core::OpContext& context,
                                              const store::CopyRequest& request) = 0;
};

}  // namespace transfer
