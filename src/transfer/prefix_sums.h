#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "core/bytes.h"
#include "model/object_key.h"

namespace transfer {

/// The CRC-64 of what is written from a file's start on, taken as it is written, from which those
/// of ranges follow. Whatever else is done to the file ends it there.
class PrefixSums {
 public:
  void wrote(std::uint64_t offset, core::ByteView data);
  /// Bytes from `offset` on are others now, or none.
  void changed(std::uint64_t offset);
  /// Of ranges that begin at whole MiB and end there, or where writing has come to.
  [[nodiscard]] std::optional<std::uint64_t> of(model::ByteRange range) const;

 private:
  [[nodiscard]] std::optional<std::uint64_t> up_to(std::uint64_t end) const;

  std::vector<std::uint64_t> marks_;  ///< of the first MiB, of the first two, …
  std::uint64_t summed_ = 0;          ///< bytes from the start
  std::uint64_t crc64_ = 0;           ///< of these
};

}  // namespace transfer
