#pragma once
#include <vector>

#include "app/options.h"

namespace app {

/// The rows of the table about objects that a mount makes, and what requests cost.
std::vector<Option> object_options();

}  // namespace app
