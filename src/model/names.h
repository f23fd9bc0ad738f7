#pragma once
// How keys appear as file names, decided here and nowhere else. docs/semantics.md, "Names and
// keys", says the same to users.
//
// A path below the mount is the key behind the prefix, cut at its slashes, wherever each piece can
// be a file name. What cannot is escaped, one component at a time, to names that begin with
// ".stsfs-", which are reserved for this:
//
//   .stsfs-name.TEXT          the key component TEXT (percent escapes) is no legal file name: it is
//                             empty, "." or "..", holds a NUL, is not UTF-8 or begins with
//                             ".stsfs-"
//   .stsfs-file.TEXT          the object TEXT where a directory has its plain name (`a` beside
//   `a/b`);
//                             inside a directory, without TEXT: the content of its marker object
//   .stsfs-long.SUM.HEAD      a component over 255 bytes: its first bytes and a digest of the whole
//   .stsfs-longfile.SUM.HEAD  the same beside a directory
//
// The other way, a file name that is not UTF-8 cannot be a key: it is stored as the component
// ".stsfs-bytes.TEXT" and comes back as its own bytes.
//
// The mapping is one to one: every component has exactly one name, and every name at most one
// component. Long names hold only a digest, so they are found again through a listing.
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/result.h"
#include "model/object_key.h"

namespace model {

inline constexpr std::size_t kMaxKeyBytes = 1023;
inline constexpr std::size_t kMaxNameBytes = 255;
inline constexpr std::string_view kReservedNames = ".stsfs-";

/// One piece of a key between slashes.
struct KeyComponent {
  std::string text;               ///< may be empty
  bool beside_directory = false;  ///< the object, where a directory has the plain name
  friend bool operator==(const KeyComponent&, const KeyComponent&) = default;
};

/// A name that stands for a component which only a listing can find again.
struct LongName {
  std::string name;  ///< the whole name; the component is the one with file_name(c) == name
  std::string head;  ///< what the component begins with
};

/// The name under which a component appears: 1 to 255 bytes, no slash, no NUL.
std::string file_name(const KeyComponent& component);

/// Whether file_name({component}) is the component itself.
bool is_file_name(std::string_view component);

/// The component that a name stands for.
/// Errors: NameTooLong; InvalidArgument for a reserved name that file_name() never makes, "." and
///   "..".
core::Result<std::variant<KeyComponent, LongName>> parse_file_name(std::string_view name);

/// Errors: NameTooLong; InvalidArgument: the service refuses keys that begin with '/' or '\'.
core::Status check_key(const ObjectKey& key);

[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace model
