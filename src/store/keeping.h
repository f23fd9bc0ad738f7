#pragma once
// How an object that is written is to be kept: as the one that it takes the place of, or as new
// ones. What a look at an object does not tell is asked for before it would be lost.
#include <atomic>
#include <optional>

#include "core/op_context.h"
#include "core/result.h"
#include "store/object.h"

namespace store {

class ObjectStore;

/// Which settings the write takes along; a copy on the server brings the tags itself.
enum class Carried : std::uint8_t { All, WithoutTags };

/// The one rule of a store's put, copy, link and upload. Threads: any.
class Keeping {
 public:
  /// `for_new`: of objects that are not there yet.
  explicit Keeping(ObjectSettings for_new);

  /// Complete settings for a write. Without requests where nothing is unknown.
  /// An ACL that this role may not read cannot be kept: that is logged once, and the object gets
  /// the bucket's. Tags are known to be there, so that not to be able to read them is an error.
  /// Errors: Denied (tags); those of any request.
  core::Result<ObjectSettings> complete(ObjectStore& store, const core::OpContext& context,
                                        const std::optional<ObjectSettings>& given,
                                        Carried carried);

 private:
  core::Result<Acl> acl_of(ObjectStore& store, const core::OpContext& context,
                           const model::ObjectKey& key);

  const ObjectSettings for_new_;
  std::atomic<bool> told_{false};
};

}  // namespace store
