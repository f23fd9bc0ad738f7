#pragma once
#include <string_view>

namespace app {
/// The project's version, as CMakeLists.txt says it.
inline constexpr std::string_view kVersion = STSFS_VERSION;
}  // namespace app
