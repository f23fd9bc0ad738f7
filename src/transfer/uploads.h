#pragma once
// Bytes to the bucket: one PutObject, or a multipart upload above a threshold, which may begin
// while they are written.
#include <memory>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/op_context.h"
#include "core/result.h"
#include "store/object_store.h"
#include "transfer/layered_file.h"
#include "transfer/outgoing.h"
#include "transfer/upload_options.h"
#include "transfer/whole_uploads.h"

namespace transfer {

/// The writing side of one mount. Threads: any; calls block.
class Uploads : public WholeUploads {
 public:
  static std::unique_ptr<Uploads> create(store::ObjectStore& store, core::Clock& clock,
                                         core::Metrics& metrics, UploadOptions options);

  /// Whether content of that size is sent by one request, so that there is no use in leaving some
  /// of it where it is.
  [[nodiscard]] virtual bool goes_whole(std::uint64_t size) const = 0;
  /// Fetches what is missing of `range` of a content. Errors: those of ObjectStore::read, but
  /// Changed where the base is gone; those of LayeredFile::fill.
  virtual core::Status bring(const core::OpContext& context, const model::ObjectVersion& base,
                             LayeredFile& content, model::ByteRange range) = 0;

  /// The way of content that is written from now on into `source`, over an object of `head_bytes`
  /// that it is as long as; 0: it is empty.
  virtual std::shared_ptr<Outgoing> begin(std::shared_ptr<const store::Source> source,
                                          std::uint64_t head_bytes) = 0;
};

}  // namespace transfer
