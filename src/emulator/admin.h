#pragma once
// The administration port: statistics, shape, faults, tokens, synthetic objects.
#include <string_view>

#include "emulator/shared.h"
#include "emulator/wire/message.h"

namespace emulator {

/// JSON in, JSON out; {"error": "…"} with 400 or 404 for what makes no sense.
/// Threads: any.
Answer administrate(const Shared& shared, const RawRequest& request, std::string_view body);

}  // namespace emulator
