#pragma once
#include <string_view>

namespace cred {

/// What stands before the place where `text` stops being JSON; for messages about faulty files.
std::string_view before_json_fault(std::string_view text);

}  // namespace cred
