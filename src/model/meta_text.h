#pragma once
// How a value of ours travels in user metadata, whose header values carry only printable ASCII and
// lose blanks at their ends. What other programs write is in no form that we know, and stays as it
// is.
#include <string>
#include <string_view>

namespace model {

/// Every byte outside ' '..'~', every '%', and a blank at either end becomes %XX (upper-case hex);
/// what other programs read (numbers, words) stays as it is.
std::string encode_meta_value(std::string_view value);
/// The opposite; a '%' that begins no escape stays, for other programs do not know the rule.
std::string decode_meta_value(std::string_view text);

}  // namespace model
