#include "fs/numbers.h"

#include "core/digest.h"

namespace fs {
namespace {

/// Spreads every bit over all. Source: Steele, Lea, Flood: "Fast Splittable Pseudorandom Number
/// Generators" (2014), the finalizer of SplitMix64.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

}  // namespace

InodeNumber number_of(std::string_view key, const model::ETag& etag, unsigned attempt) {
  constexpr unsigned kBits = 53;
  std::uint64_t sum = core::crc64(core::as_bytes(key));
  sum = core::crc64(core::as_bytes(etag.text()), mixed(sum));
  const InodeNumber number = mixed(sum + attempt) >> (64 - kBits);
  return number > kRoot ? number : number + 2;
}

}  // namespace fs
