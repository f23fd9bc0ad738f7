#pragma once
// Who writes down which uploads are under way, so that they can be ended after a crash.
#include <string>

#include "model/object_key.h"
#include "store/object_store.h"

namespace transfer {

/// Threads: any; begun() may block on the disk. Failures are the log's own to tell of: an upload
/// goes on without it.
class UploadLog {
 public:
  virtual ~UploadLog() = default;
  /// The service has made an upload, and nothing was sent yet.
  virtual void begun(const model::ObjectKey& key, const std::string& id,
                     const store::ObjectAttributes& attributes) = 0;
  /// Shape: `receipt` has the part's sum.
  virtual void sent(const model::ObjectKey& key, const std::string& id,
                    const store::PartReceipt& receipt, model::ByteRange range) = 0;
  /// Completed, aborted, or gone.
  virtual void ended(const model::ObjectKey& key, const std::string& id) = 0;
};

}  // namespace transfer
