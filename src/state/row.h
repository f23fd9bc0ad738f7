#pragma once
// How what is remembered lies in a row: where, and as which bytes.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "state/remembered.h"

namespace state {

/// A key, cut so that what lies side by side in a directory lies side by side in the table,
/// whatever lies below it: "a/b/c" is "c" in "a/b/", "a/b/" is "b/" in "a/".
struct Place {
  std::string directory;
  std::string name;
  friend bool operator==(const Place&, const Place&) = default;
};
Place place_of(std::string_view key);

/// The bytes of a row: a sum over all of it, then ETag, time and facts, each text behind its
/// length.
std::string encode_row(const Remembered& about);
/// Nothing: the row is damaged.
std::optional<Remembered> decode_row(std::string key, std::uint64_t inode, std::string_view bytes);

}  // namespace state
