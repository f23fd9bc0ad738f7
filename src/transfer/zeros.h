#pragma once
// Holes are not sent: the service copies zeros, which takes an object that has some.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/op_context.h"
#include "core/result.h"
#include "store/object_store.h"
#include "transfer/layered_file.h"
#include "transfer/publishing.h"

namespace transfer {

/// The holes of content that are worth not being sent, ascending; none is clean.
std::vector<model::ByteRange> big_holes(const LayeredFile& content);

/// How long an object of zeros is to be for holes of so many bytes together: few copies fill them,
/// and few steps make it. 0: there are none.
std::uint64_t zeros_for(std::uint64_t hole_bytes, const store::Capabilities& can);

/// The CRC-64 of so many zeros.
std::uint64_t sum_of_zeros(std::uint64_t bytes);

/// An object of zeros for one upload, beside what is uploaded: `KEY.zeros-` and random letters. A
/// MiB of it is sent; it becomes longer by copying itself. Whoever lists the bucket meanwhile sees
/// it, and a crash leaves it behind: it is nobody's, and may be removed.
/// Threads: the one that makes it; `version` any.
class ZerosObject {
 public:
  /// All outlive it. Shape: `bytes` as zeros_for() says.
  /// Errors: those of ObjectStore::put and of copying parts.
  static core::Result<std::unique_ptr<ZerosObject>> make(const core::OpContext& context,
                                                         store::ObjectStore& store,
                                                         Publishing& publishing,
                                                         const model::ObjectKey& beside,
                                                         std::uint64_t bytes);
  ZerosObject(const ZerosObject&) = delete;
  ZerosObject& operator=(const ZerosObject&) = delete;
  /// Removes it; only logs if that fails.
  ~ZerosObject();
  [[nodiscard]] const model::ObjectVersion& version() const { return version_; }

 private:
  ZerosObject(store::ObjectStore& store, Publishing& publishing, model::ObjectKey key)
      : store_(store), publishing_(publishing) {
    version_.key = std::move(key);
  }
  core::Status put(const core::OpContext& context);
  /// Makes it `times` as long.
  core::Status repeat(const core::OpContext& context, std::uint64_t times);
  core::Status copy_itself(const core::OpContext& context, const std::string& id,
                           std::uint64_t times, Publishing::Assembled& assembled);

  store::ObjectStore& store_;
  Publishing& publishing_;
  model::ObjectVersion version_;
};

}  // namespace transfer
