#pragma once
// Was that write ours? The answer to a write was lost, or says that something is there already, and
// an object is found in its place.
#include <cstddef>
#include <cstdint>
#include <optional>

#include "model/object_key.h"
#include "store/object.h"

namespace store {

/// What is known of an object that we sent; leave out what is not.
///
/// Equal size alone shows nothing. Equal bytes do (their CRC-64, or an ETag that is a sum of them),
/// and so does equal metadata, for our times are in it to the nanosecond. Whatever both sides know
/// has to agree: the same bytes under other metadata are somebody else's.
struct Evidence {
  std::uint64_t size = 0;
  std::optional<std::uint64_t> crc64{};
  std::optional<UserMeta> user{};
  model::ETag etag{};      ///< that of our bytes, where the service makes them so
  std::size_t parts = 0;   ///< that it was joined from: ETags end in their number, which has to do
                           ///< where no sum of them is known
  model::ETag replaced{};  ///< of the version that stood there before: it is not ours

  /// Nothing speaks against it. What this refuses needs no sum of our bytes.
  [[nodiscard]] bool allows(const ObjectMeta& there) const;
  /// It is ours.
  [[nodiscard]] bool proves(const ObjectMeta& there) const;
};

}  // namespace store
