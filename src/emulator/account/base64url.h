#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace emulator {

/// Base64 with '-' and '_' and without padding: survives headers, queries and JSON as it is.
std::string base64url(std::string_view raw);
/// Strict: only what base64url() writes, so that one value has one spelling.
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace emulator
