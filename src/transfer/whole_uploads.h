#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "core/op_context.h"
#include "core/result.h"
#include "store/object_store.h"

namespace transfer {

class LayeredFile;

/// Content over an object, most of which may never have been here.
struct Overlay {
  std::shared_ptr<LayeredFile> content;
  model::ObjectVersion base;
  std::optional<std::uint64_t> base_crc64;
  /// The base may be appended to, and is to stay all that it is besides.
  bool appendable = false;
};

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

  /// The same of content over a base: the service copies what it has, under the condition that it
  /// still has it, and is sent the rest (partial_plan.h). What is small goes whole.
  /// Errors:  Changed also where the base is another by now, or gone.
  virtual core::Result<store::Published> publish_over(const core::OpContext& context,
                                                      const model::ObjectKey& key,
                                                      const Overlay& overlay,
                                                      const store::ObjectAttributes& attributes,
                                                      const store::Precondition& precondition) = 0;

  /// Copies on the server, by parts where one request may not. `size` comes from source.size.
  virtual core::Result<store::Published> copy(const core::OpContext& context,
                                              const store::CopyRequest& request) = 0;
};

}  // namespace transfer
