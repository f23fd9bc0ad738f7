#pragma once
#include <vector>

#include "app/options.h"

namespace app {

/// The rows of the table about credentials.
std::vector<Option> identity_options();

}  // namespace app
