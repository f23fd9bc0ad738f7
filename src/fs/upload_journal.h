#pragma once
// Which uploads are under way, for the next daemon.
#include <set>
#include <string>
#include <vector>

#include "core/op_context.h"
#include "state/journal.h"
#include "store/object_store.h"
#include "transfer/upload_log.h"

namespace fs {

/// Threads: any.
class UploadJournal final : public transfer::UploadLog {
 public:
  explicit UploadJournal(state::Journal& journal) : journal_(journal) {}

  void begun(const model::ObjectKey& key, const std::string& id,
             const store::ObjectAttributes& attributes) override;
  void sent(const model::ObjectKey& key, const std::string& id, const store::PartReceipt& receipt,
            model::ByteRange range) override;
  void ended(const model::ObjectKey& key, const std::string& id) override;

  /// Throws away what an earlier daemon began and did not end, and nothing else: what others have
  /// under way looks the same to the service. What could not be thrown away stays written down.
  /// Blocks on the network.
  void abort_left(const core::OpContext& context, store::ObjectStore& store);

 private:
  state::Journal& journal_;
};

/// What tells whether an upload was begun with these attributes.
std::string digest_of(const store::ObjectAttributes& attributes);

}  // namespace fs
