#pragma once
#include <cstdint>
#include <string_view>

#include "core/result.h"

namespace options {

/// Bytes a second in "100KiB/s", "100KiB" or, as other programs count, "819200bit/s"; 0 for "".
/// Errors: InvalidArgument: "wants …".
core::Result<std::uint64_t> parse_rate(std::string_view text);

}  // namespace options
