#pragma once
// Which uploads are under way, for the next daemon.
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/mutex.h"
#include "core/op_context.h"
#include "state/journal.h"
#include "store/object_store.h"
#include "transfer/upload_log.h"

namespace fs {

/// Threads: any.
class UploadJournal final : public transfer::UploadLog {
 public:
  /// `journal` outlives it.
  explicit UploadJournal(state::Journal& journal);

  void begun(const model::ObjectKey& key, const std::string& id,
             const store::ObjectAttributes& attributes) override;
  void sent(const model::ObjectKey& key, const std::string& id, const store::PartReceipt& receipt,
            model::ByteRange range) override;
  /// Those of content that the journal has: it will be uploaded again.
  std::optional<transfer::LeftUpload> take_left(const model::ObjectKey& key,
                                                const store::ObjectAttributes& attributes) override;
  void ended(const model::ObjectKey& key, const std::string& id) override;

  /// Throws away what an earlier daemon began and did not end, but for what take_left() gives, and
  /// nothing else: what others have under way looks the same to the service. What could not be
  /// thrown away stays written down, and what nobody took is thrown away by the next daemon.
  /// Blocks on the network.
  void abort_left(const core::OpContext& context, store::ObjectStore& store);

 private:
  state::Journal& journal_;
  std::set<std::string> kept_;  ///< keys of which content is kept
  core::Mutex mutex_{core::LockRank::Leaf};
  std::vector<state::KeptUpload> left_ GUARDED_BY(mutex_);  ///< of these
};

/// What tells whether an upload was begun with these attributes.
std::string digest_of(const store::ObjectAttributes& attributes);

}  // namespace fs
