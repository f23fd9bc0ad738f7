#pragma once
// How an object is put together of parts that the service has and parts that it does not.
#include <cstdint>
#include <optional>
#include <vector>

#include "core/result.h"
#include "model/object_key.h"
#include "store/object_store.h"

namespace transfer {

/// One part of a new object. The service copies `range` of the base to the same place, or zeros, or
/// is sent it.
struct Piece {
  enum class Origin : std::uint8_t { Content, Base, Zeros };
  Origin origin = Origin::Content;
  model::ByteRange range;
  friend bool operator==(const Piece&, const Piece&) = default;
};

struct PieceRules {
  std::uint64_t part_bytes = 1;       ///< to send at once, about
  std::uint64_t min_part_bytes = 1;   ///< of the service: all but the last part
  std::uint64_t max_part_bytes = 0;   ///< of the service, sent
  std::uint64_t max_copy_bytes = 0;   ///< of the service, in one copy
  std::uint64_t max_zeros_bytes = 0;  ///< that there are to be copied; 0: none
  std::size_t max_parts = 1;          ///< of the service
};
PieceRules piece_rules(const store::Capabilities& can, std::uint64_t part_bytes);

/// The pieces of content of `size` > 0 bytes, ascending and without gaps. `had` are the ranges that
/// the service has, ascending and disjoint, each Base or Zeros; the rest is Content.
///
/// Shape:   a range of content shorter than a part may be goes on to the right, over what the
///          service has; what then is left of that, or lies between two changes, and is shorter
///          than a part, is content too. The last piece may be short.
///          Pieces of one run are of about the same size. Where there would be more pieces than
///          the service takes, gaps are filled up and parts grow until there are not.
/// Errors:  TooLarge: what no number of parts can hold.
core::Result<std::vector<Piece>> plan_pieces(std::uint64_t size, const std::vector<Piece>& had,
                                             const PieceRules& rules);

/// What is known of a base.
struct BaseSum {
  std::uint64_t size = 0;
  std::optional<std::uint64_t> crc64;
};
/// The sum of a whole base with something after it, from that of the base and those of what was
/// sent: no answer tells the sum of a copy. Nothing where the pieces are anything else.
std::optional<std::uint64_t> sum_of_append(const std::vector<Piece>& pieces, const BaseSum& base,
                                           const std::vector<store::PartReceipt>& receipts);

/// Whether the pieces need not be worth their requests: fewer bytes are saved than a part has, or
/// none.
bool is_whole(const std::vector<Piece>& pieces, std::uint64_t part_bytes);

}  // namespace transfer
