#pragma once
// How user metadata travels in header values, which carry only printable ASCII and lose blanks at
// their ends.
#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.h"
#include "store/object_store.h"

namespace store {

/// All names (with their prefix) and values of one object together, as services limit them.
inline constexpr std::size_t kMaxUserMetaBytes = 8UL * 1024;

/// Every byte outside ' '..'~', every '%', and a blank at either end becomes %XX (upper-case hex);
/// what other programs write (numbers, words) stays as it is.
std::string encode_meta_value(std::string_view value);
/// The opposite; a '%' that begins no escape stays, for other programs do not know the rule.
std::string decode_meta_value(std::string_view text);

/// Errors: InvalidArgument for a name that is no header name in lower case; TooLarge.
core::Status check_user_meta(const UserMeta& user, std::string_view prefix);

}  // namespace store
