#include "transfer/source_sum.h"

#include <algorithm>
#include <span>
#include <vector>

#include "core/digest.h"

namespace transfer {
namespace {

using core::ErrorKind;
using model::ByteRange;

constexpr std::size_t kSumBytes = 1U << 20U;

}  // namespace

core::Result<std::uint64_t> source_sum(const store::Source& source, ByteRange range) {
  if (const auto known = source.known_crc64(range)) {
    return *known;
  }
  std::vector<std::byte> buffer(std::min<std::uint64_t>(kSumBytes, range.size()));
  std::uint64_t crc = 0;
  for (std::uint64_t at = range.first; at < range.last;) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), range.last - at);
    TRY_ASSIGN(const std::size_t n, source.read(at, std::span(buffer).first(wanted)));
    if (n == 0) {
      return core::fail(ErrorKind::Io, "the source is shorter than it said");
    }
    crc = core::crc64(std::span<const std::byte>(buffer).first(n), crc);
    at += n;
  }
  return crc;
}

}  // namespace transfer
