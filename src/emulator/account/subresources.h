#pragma once
// Which query parameters a version 1 signature of OSS covers.
#include <string_view>

namespace emulator {

/// Whether the vendor's own SDKs sign the parameter. Judged by those alone, not by what `sign`
/// believes, so that a name that is wrong or absent there is refused here.
bool is_subresource(std::string_view name);

}  // namespace emulator
