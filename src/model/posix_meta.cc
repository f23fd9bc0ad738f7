#include "model/posix_meta.h"

#include <sys/stat.h>

#include <charconv>

#include "core/digest.h"
#include "core/format.h"
#include "core/text.h"

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

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += core::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// s3fs's form: {"name":"base64",…}.
std::string format_xattrs(const std::map<std::string, std::string>& xattrs) {
  std::string json = "{";
  for (const auto& [name, value] : xattrs) {
    json += json.size() > 1 ? "," : "";
    json += json_quoted(name) + ':' + json_quoted(core::base64(value));
  }
  return json + '}';
}

/// Reads just enough JSON for that form.
class XattrReader {
 public:
  explicit XattrReader(std::string_view text) : text_(text) {}

  std::optional<std::map<std::string, std::string>> read() {
    std::map<std::string, std::string> xattrs;
    if (!take('{')) {
      return std::nullopt;
    }
    while (!take('}')) {
      if (!xattrs.empty() && !take(',')) {
        return std::nullopt;
      }
      const auto name = quoted();
      if (!name || !take(':')) {
        return std::nullopt;
      }
      const auto encoded = quoted();
      auto value = encoded ? core::base64_decode(*encoded) : std::nullopt;
      if (!value) {
        return std::nullopt;
      }
      xattrs.insert_or_assign(*name, *std::move(value));
    }
    return xattrs;
  }

 private:
  bool take(char wanted) {
    text_ = core::trim(text_);
    if (text_.empty() || text_.front() != wanted) {
      return false;
    }
    text_.remove_prefix(1);
    return true;
  }
  std::optional<std::string> quoted() {
    if (!take('"')) {
      return std::nullopt;
    }
    std::string out;
    while (!text_.empty()) {
      const char c = text_.front();
      text_.remove_prefix(1);
      if (c == '"') {
        return out;
      }
      if (c != '\\') {
        out += c;
      } else if (!escaped(out)) {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }
  bool escaped(std::string& out) {
    if (text_.empty()) {
      return false;
    }
    const char c = text_.front();
    text_.remove_prefix(1);
    if (c == 'u') {
      const auto code = parse_number<unsigned>(text_.substr(0, 4), 16);
      if (text_.size() < 4 || !code || *code > 0x7F) {
        return false;
      }
      text_.remove_prefix(4);
      out += static_cast<char>(*code);
      return true;
    }
    out += c;
    return c == '"' || c == '\\' || c == '/';
  }

  std::string_view text_;
};

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
  const auto text = [&](const char* name) -> std::optional<std::string_view> {
    const auto at = user.find(name);
    return at == user.end() ? std::nullopt : std::optional<std::string_view>(at->second);
  };
  if (const auto value = text("mode")) {
    meta.mode = parse_mode(*value);
  }
  if (const auto value = text("uid")) {
    meta.uid = parse_number<uid_t>(*value);
  }
  if (const auto value = text("gid")) {
    meta.gid = parse_number<gid_t>(*value);
  }
  if (const auto value = text("mtime")) {
    meta.modified = parse_timestamp(*value);
  }
  if (const auto value = text("atime")) {
    meta.accessed = parse_timestamp(*value);
  }
  if (const auto value = text("ctime")) {
    meta.changed = parse_timestamp(*value);
  }
  if (const auto value = text("rdev")) {
    meta.device = parse_number<dev_t>(*value);
  }
  if (const auto value = text("symlink-target")) {
    meta.symlink_target = std::string(*value);
  }
  if (const auto value = text("xattr")) {
    if (auto xattrs = XattrReader(*value).read()) {
      meta.xattrs = *std::move(xattrs);
    }
  }
  return meta;
}

UserMeta with_posix_meta(UserMeta user, const PosixMeta& meta) {
  const auto put = [&](const char* name, std::optional<std::string> value) {
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
  put("symlink-target", meta.symlink_target);
  put("xattr", meta.xattrs.empty() ? std::nullopt : std::optional(format_xattrs(meta.xattrs)));
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
