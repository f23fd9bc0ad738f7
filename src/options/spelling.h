#pragma once
// Values as one would write them: what is read back is the same. A table says with these what the
// default of an option is whose truth stands with the code that it is for.
#include <cstdint>
#include <string>

#include "core/time.h"

namespace options {

/// "64MiB", "0", "1000": the largest unit that leaves no rest.
std::string size_text(std::uint64_t bytes);
/// "90s", "10m", "250ms". Units: whole milliseconds count.
std::string duration_text(core::Duration duration);
/// "0644"
std::string mode_text(unsigned bits);

}  // namespace options
