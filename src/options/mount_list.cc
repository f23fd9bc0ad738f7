#include "options/mount_list.h"

#include <algorithm>
#include <array>

namespace options {
namespace {

/// Words that mount(8), libfuse and other programs' lines in fstab carry and that change nothing
/// for us; nosuid, nodev and default_permissions are always on.
constexpr std::array<std::string_view, 35> kFstabWords = {
    "rw",
    "defaults",
    "auto",
    "noauto",
    "user",
    "users",
    "nouser",
    "owner",
    "group",
    "noowner",
    "_netdev",
    "nofail",
    "dev",
    "nodev",
    "suid",
    "nosuid",
    "exec",
    "async",
    "sync",
    "dirsync",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "relatime",
    "norelatime",
    "strictatime",
    "lazytime",
    "nolazytime",
    "nonempty",
    "big_writes",
    "mand",
    "nomand",
    "default_permissions",
    "use_session_token",
};

/// A word of fstab that says nothing to us: "_netdev", "x-systemd.automount", …
bool is_fstab_word(std::string_view name) {
  return name.starts_with("x-") || name.starts_with("comment=") ||
         std::find(kFstabWords.begin(), kFstabWords.end(), name) != kFstabWords.end();
}

}  // namespace

std::vector<std::string> split_mount_list(std::string_view text) {
  std::vector<std::string> pieces(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ',' || text[i + 1] == '\\')) {
      pieces.back() += text[++i];
    } else if (text[i] == ',') {
      pieces.emplace_back();
    } else {
      pieces.back() += text[i];
    }
  }
  return pieces;
}

std::vector<Assignment> read_mount_list(std::string_view text) {
  std::vector<Assignment> out;
  for (const std::string& piece : split_mount_list(text)) {
    if (piece.empty() || is_fstab_word(piece)) {
      continue;
    }
    const auto equals = piece.find('=');
    const std::string name = piece.substr(0, equals);
    out.push_back(
        {name, equals == std::string::npos ? "" : piece.substr(equals + 1), "-o " + name});
  }
  return out;
}

}  // namespace options
