#pragma once
#include <vector>

#include "app/options.h"

namespace app {

/// The rows of the table about `stsfs emulator`.
std::vector<Option> emulator_options();

}  // namespace app
