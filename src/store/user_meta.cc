#include "store/user_meta.h"

#include <algorithm>

#include "core/text.h"

namespace store {
namespace {

/// Source: RFC 9110, section 5.6.2; in lower case, as names compare.
bool is_name(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || kMarks.find(c) != kMarks.npos;
  });
}

/// Source: RFC 9110, section 5.5. Bytes beyond ASCII are other programs' own.
bool is_value(std::string_view value) {
  return core::trim(value) == value && std::all_of(value.begin(), value.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
         });
}

}  // namespace

core::Status check_user_meta(const UserMeta& user, std::string_view prefix) {
  std::size_t total = 0;
  for (const auto& [name, value] : user) {
    if (!is_name(name)) {
      return core::fail(core::ErrorKind::InvalidArgument,
                        "\"" + name + "\" is no name for metadata");
    }
    if (!is_value(value)) {
      return core::fail(core::ErrorKind::InvalidArgument,
                        "metadata \"" + name + "\" has a value that no header can carry");
    }
    total += prefix.size() + name.size() + value.size();
  }
  if (total > kMaxUserMetaBytes) {
    return core::fail(core::ErrorKind::TooLarge, "metadata of " + std::to_string(total) +
                                                     " bytes; the service takes " +
                                                     std::to_string(kMaxUserMetaBytes));
  }
  return {};
}

}  // namespace store
