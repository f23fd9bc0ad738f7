#include "transfer/upload_plan.h"

#include <algorithm>
#include <optional>

#include "core/digest.h"
#include "core/format.h"

namespace transfer {
namespace {

constexpr std::uint64_t kPartGrain = 1U << 20U;  // grown parts are whole MiB

std::uint64_t round_up(std::uint64_t n, std::uint64_t grain) {
  return (n + grain - 1) / grain * grain;
}

}  // namespace

core::Result<std::vector<model::ByteRange>> plan_parts(std::uint64_t size,
                                                       std::uint64_t wanted_part_bytes,
                                                       const store::Capabilities& capabilities) {
  const auto most = static_cast<std::uint64_t>(capabilities.max_parts);
  std::uint64_t part = std::max(wanted_part_bytes, capabilities.min_part_bytes);
  if ((size - 1) / part >= most) {
    part = round_up((size + most - 1) / most, kPartGrain);
  }
  part = std::min(part, capabilities.max_part_bytes);
  if ((size - 1) / part >= most) {
    return core::fail(core::ErrorKind::TooLarge,
                      core::format("{} bytes are more than {} parts may hold", size, most));
  }
  std::vector<model::ByteRange> parts;
  parts.reserve((size - 1) / part + 1);
  for (std::uint64_t at = 0; at < size; at += part) {
    parts.push_back({at, std::min(size, at + part)});
  }
  return parts;
}

std::optional<std::uint64_t> combined_crc64(const std::vector<store::PartReceipt>& parts) {
  std::uint64_t crc = 0;
  for (const store::PartReceipt& part : parts) {
    if (!part.crc64) {
      return std::nullopt;
    }
    crc = core::crc64_combine(crc, *part.crc64, part.size);
  }
  return crc;
}

}  // namespace transfer
