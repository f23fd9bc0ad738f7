#pragma once
// Who writes down which uploads are under way, so that they can be ended after a crash.
#include <optional>
#include <string>
#include <vector>

#include "model/object_key.h"
#include "store/object_store.h"

namespace transfer {

/// An upload that an earlier process began, and what the service had of it when that ended.
struct LeftUpload {
  struct Part {
    store::PartReceipt receipt;  ///< with its sum
    model::ByteRange range;
  };
  std::string id;
  bool is_same = false;  ///< it was begun with the same attributes
  std::vector<Part> parts;
};

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
  /// One that was left of this key, for the caller to go on with or to abort; each is given once.
  virtual std::optional<LeftUpload> take_left(const model::ObjectKey& key,
                                              const store::ObjectAttributes& attributes) = 0;
  /// Completed, aborted, or gone.
  virtual void ended(const model::ObjectKey& key, const std::string& id) = 0;
};

}  // namespace transfer
