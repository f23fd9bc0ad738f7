#pragma once
// A list of options as fstab and mount -o write it: NAME[=VALUE],…
#include <string>
#include <string_view>
#include <vector>

#include "options/assignment.h"

namespace options {

/// What the list sets; words of fstab that say nothing to us are left out.
std::vector<Assignment> read_mount_list(std::string_view text);

/// Its pieces: separated by commas, where "\," is a comma and "\\" a backslash.
std::vector<std::string> split_mount_list(std::string_view text);

}  // namespace options
