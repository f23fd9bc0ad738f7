#pragma once
// The end of an upload: under its condition, once, and verified.
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/op_context.h"
#include "core/result.h"
#include "store/object_store.h"

namespace transfer {

/// Threads: any; calls block.
class Publishing {
 public:
  Publishing(store::ObjectStore& store, core::Clock& clock) : store_(store), clock_(clock) {}

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
  /// In time of its own. Only logs if that fails: the parts stay and are billed.
  void abort(const core::OpContext& context, const model::ObjectKey& key,
             const std::string& upload_id, const core::Error& why);

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
};

}  // namespace transfer
