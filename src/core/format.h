#pragma once
// The one door to the formatting library.
#include <fmt/core.h>

namespace core {
using fmt::format;
}  // namespace core
