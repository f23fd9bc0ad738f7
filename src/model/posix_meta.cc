#include "model/posix_meta.h"

#include <sys/stat.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "core/format.h"
#include "model/meta_text.h"

namespace model {
namespace {

constexpr std::int64_t kNanos = 1'000'000'000;

template <class T>
std::optional<T> parse_number(std::string_view text, int base = 10) {
  T value{};
  const auto* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value, base);
  return result.ec == std::errc() && result.ptr == end ? std::optional(value) : std::nullopt;
}

bool is_file_type(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFLNK:
    case S_IFIFO:
    case S_IFSOCK:
    case S_IFCHR:
    case S_IFBLK:
      return (mode & ~mode_t{S_IFMT | 07777}) == 0;
    default:
      return false;
  }
}

using Json = nlohmann::json;
using Xattrs = std::map<std::string, std::string>;

/// s3fs's form: {"name":"base64",…}, with escapes. Nothing: JSON cannot carry a name.
std::optional<std::string> format_xattrs(const Xattrs& xattrs) {
  Json json = Json::object();
  for (const auto& [name, value] : xattrs) {
    json[name] = core::base64(value);
  }
  try {
    return encode_meta_value(json.dump());
  } catch (const Json::exception&) {  // not UTF-8
    return std::nullopt;
  }
}

/// Nothing: it is not that form.
std::optional<Xattrs> parse_xattrs(std::string_view text) {
  const Json json = Json::parse(decode_meta_value(text), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return std::nullopt;
  }
  Xattrs xattrs;
  for (const auto& [name, encoded] : json.items()) {
    auto value = encoded.is_string() ? core::base64_decode(encoded.get_ref<const std::string&>())
                                     : std::nullopt;
    if (!value) {
      return std::nullopt;
    }
    xattrs.insert_or_assign(name, *std::move(value));
  }
  return xattrs;
}

}  // namespace

std::string format_timestamp(core::WallTime time) {
  const std::int64_t all = time.time_since_epoch().count();
  std::int64_t seconds = all / kNanos;
  std::int64_t rest = all % kNanos;
  if (rest < 0) {
    seconds -= 1;
    rest += kNanos;
  }
  return core::format("{}.{:09}", seconds, rest);
}

std::optional<core::WallTime> parse_timestamp(std::string_view text) {
  const auto dot = text.find('.');
  const auto seconds = parse_number<std::int64_t>(text.substr(0, dot));
  // What a 64-bit count of nanoseconds can hold.
  constexpr std::int64_t kMaxSeconds = 9'223'372'035;
  if (!seconds || *seconds > kMaxSeconds || *seconds < -kMaxSeconds) {
    return std::nullopt;
  }
  std::int64_t nanoseconds = 0;
  if (dot != std::string_view::npos) {
    std::string fraction(text.substr(dot + 1, 9));
    fraction.resize(9, '0');
    const auto parsed = parse_number<std::int64_t>(fraction);
    if (!parsed || *parsed < 0) {
      return std::nullopt;
    }
    nanoseconds = *parsed;
  }
  return core::wall_from_unix(*seconds, nanoseconds);
}

std::optional<mode_t> parse_mode(std::string_view text) {
  const auto decimal = parse_number<mode_t>(text);
  if (decimal && is_file_type(*decimal)) {
    return decimal;
  }
  const auto octal = parse_number<mode_t>(text, 8);
  if (octal && (is_file_type(*octal) || *octal <= 07777)) {
    return octal;
  }
  return decimal && *decimal <= 07777 ? decimal : std::nullopt;
}

PosixMeta parse_posix_meta(const UserMeta& user) {
  PosixMeta meta;
  const auto read = [&](const char* name, auto parse, auto& into) {
    const auto at = user.find(name);
    if (at == user.end()) {
      return;
    }
    if (auto value = parse(at->second)) {
      into = *std::move(value);
    } else {
      meta.unread.insert(name);
    }
  };
  const auto text = [](const std::string& value) {
    return std::optional(decode_meta_value(value));
  };
  read("mode", parse_mode, meta.mode);
  read(
      "uid", [](const std::string& value) { return parse_number<uid_t>(value); }, meta.uid);
  read(
      "gid", [](const std::string& value) { return parse_number<gid_t>(value); }, meta.gid);
  read("mtime", parse_timestamp, meta.modified);
  read("atime", parse_timestamp, meta.accessed);
  read("ctime", parse_timestamp, meta.changed);
  read(
      "rdev", [](const std::string& value) { return parse_number<dev_t>(value); }, meta.device);
  read("symlink-target", text, meta.symlink_target);
  read("xattr", parse_xattrs, meta.xattrs);
  return meta;
}

core::Result<UserMeta> with_posix_meta(UserMeta user, const PosixMeta& meta) {
  const auto put = [&](const char* name, std::optional<std::string> value) {
    if (meta.unread.contains(name)) {
      return;
    }
    if (value) {
      user.insert_or_assign(name, *std::move(value));
    } else {
      user.erase(name);
    }
  };
  const auto number = [](const auto& value) {
    return value ? std::optional(std::to_string(*value)) : std::nullopt;
  };
  const auto time = [](const std::optional<core::WallTime>& value) {
    return value ? std::optional(format_timestamp(*value)) : std::nullopt;
  };
  put("mode", number(meta.mode));
  put("uid", number(meta.uid));
  put("gid", number(meta.gid));
  put("mtime", time(meta.modified));
  put("atime", time(meta.accessed));
  put("ctime", time(meta.changed));
  put("rdev", number(meta.device));
  put("symlink-target",
      meta.symlink_target ? std::optional(encode_meta_value(*meta.symlink_target)) : std::nullopt);
  std::optional<std::string> xattrs;
  if (!meta.xattrs.empty()) {
    if (meta.unread.contains("xattr")) {
      return core::fail(core::ErrorKind::Unsupported,
                        "it has extended attributes in a form that is not understood");
    }
    xattrs = format_xattrs(meta.xattrs);
    if (!xattrs) {
      return core::fail(core::ErrorKind::InvalidArgument,
                        "the name of an extended attribute is not UTF-8");
    }
  }
  put("xattr", std::move(xattrs));
  return user;
}

bool access_allowed(mode_t mode, uid_t owner, gid_t group, uid_t uid, gid_t gid, int mask) {
  if (uid == 0) {
    return true;
  }
  const unsigned shift = uid == owner ? 6 : gid == group ? 3 : 0;
  const auto granted = static_cast<unsigned>(mode >> shift) & 7U;
  return (granted & static_cast<unsigned>(mask)) == static_cast<unsigned>(mask);
}

}  // namespace model
