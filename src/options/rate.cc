#include "options/rate.h"

#include <string>

#include "core/text.h"
#include "core/time.h"

namespace options {

core::Result<std::uint64_t> parse_rate(std::string_view text) {
  constexpr std::string_view kBits = "bit/s";
  constexpr std::string_view kBytes = "/s";
  constexpr std::uint64_t kBitsPerByte = 8;
  if (text.empty()) {
    return std::uint64_t{0};
  }
  const bool bits = text.ends_with(kBits);
  std::string_view size = text;
  if (bits) {
    size.remove_suffix(kBits.size());
  } else if (size.ends_with(kBytes)) {
    size.remove_suffix(kBytes.size());
  }
  const auto amount = core::parse_size(size);
  if (!amount || *amount < kBitsPerByte) {
    return core::fail(core::ErrorKind::InvalidArgument, "wants bytes a second, as in 100KiB/s");
  }
  return bits ? *amount / kBitsPerByte : *amount;
}

}  // namespace options
