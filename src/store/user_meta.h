#pragma once
// What services take as user metadata.
#include <cstddef>
#include <string_view>

#include "core/result.h"
#include "store/object.h"

namespace store {

/// All names (with their prefix) and values of one object together, as services limit them.
inline constexpr std::size_t kMaxUserMetaBytes = 8UL * 1024;

/// Errors: InvalidArgument for a name that is no header name in lower case, or a value that a
///   header would change; TooLarge.
core::Status check_user_meta(const UserMeta& user, std::string_view prefix);

}  // namespace store
