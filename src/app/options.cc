#include "app/options.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>

#include "core/text.h"

namespace app {
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

struct Reason {
  std::string_view name;
  std::string_view why;
};
constexpr std::string_view kSecret =
    "no option takes a secret: set ALIBABA_CLOUD_ACCESS_KEY_ID and "
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET, "
    "or use a file, --credentials-file or --passwd-file";
constexpr std::string_view kNoCache = "there is no cache on disk yet";
constexpr std::string_view kAsTtl = "absent names are remembered as long as --metadata-ttl says";
constexpr std::array<Reason, 8> kRefused = {{
    {"oss-access-key-id", kSecret},
    {"oss-access-key-secret", kSecret},
    {"access-key-id", kSecret},
    {"access-key-secret", kSecret},
    {"security-token", kSecret},
    {"cache-dir", kNoCache},
    {"allow-root", "only allow-other exists"},
    {"ahbe-conf", "headers by the ending of a name are not written"},
}};
/// Of ossfs, s3fs and mountpoint: hints about resources and speed.
constexpr std::array<Reason, 14> kIgnored = {{
    {"use-cache", kNoCache},
    {"cache", kNoCache},
    {"disk-data-cache-dir", kNoCache},
    {"max-cache-size", kNoCache},
    {"del-cache", kNoCache},
    {"ensure-diskfree", "--staging-limit bounds what is taken of the disk"},
    {"free-space-ratio", "--staging-limit bounds what is taken of the disk"},
    {"max-stat-cache-size", "what is remembered of names is bounded as it is"},
    {"negative-timeout", kAsTtl},
    {"negative-metadata-ttl", kAsTtl},
    {"close-to-open", "every open asks the service"},
    {"log-dir", "--log-file names a file"},
    {"curldbg", "--log-level trace shows every request"},
    {"mime", "objects made here are application/octet-stream"},
}};

std::string_view reason_in(std::span<const Reason> rows, std::string_view name) {
  const std::string wanted = canonical_name(name);
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const Reason& row) { return row.name == wanted; });
  return found == rows.end() ? std::string_view() : found->why;
}

/// Edits that turn one word into the other: insert, delete, replace.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string_view to_string(Command command) {
  switch (command) {
    case kMount:
      return "mount";
    case kUmount:
      return "umount";
    case kStatus:
      return "status";
    case kWhoami:
      return "whoami";
    case kEmulator:
      return "emulator";
    case kSignUrl:
      return "sign-url";
    case kPolicy:
      return "policy";
    case kDoctor:
      return "doctor";
  }
  return "";
}

std::string canonical_name(std::string_view name) {
  std::string out = core::to_lower(name);
  std::replace(out.begin(), out.end(), '_', '-');
  return out;
}

std::optional<NamedOption> find_option(Command command, std::string_view name) {
  const std::string wanted = canonical_name(name);
  for (const Option& option : option_table()) {
    if ((option.commands & command) == 0) {
      continue;
    }
    if (option.name == wanted) {
      return NamedOption{&option, nullptr};
    }
    for (const Alias& alias : option.aliases) {
      if (alias.name == wanted) {
        return NamedOption{&option, &alias};
      }
    }
  }
  return std::nullopt;
}

std::string nearest_option(Command command, std::string_view name) {
  const std::string wanted = canonical_name(name);
  std::string best;
  // A third of the word may be wrong; more is another word.
  std::size_t nearest = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  const auto consider = [&](std::string_view candidate) {
    const std::size_t away = distance(wanted, candidate);
    if (away < nearest) {
      nearest = away;
      best = candidate;
    }
  };
  for (const Option& option : option_table()) {
    if ((option.commands & command) != 0) {
      consider(option.name);
      for (const Alias& alias : option.aliases) {
        consider(alias.name);
      }
    }
  }
  return best;
}

bool is_fstab_word(std::string_view name) {
  return name.starts_with("x-") || name.starts_with("comment=") ||
         std::find(kFstabWords.begin(), kFstabWords.end(), name) != kFstabWords.end();
}

std::string_view refusal_of(std::string_view name) { return reason_in(kRefused, name); }

std::string_view ignored_because(std::string_view name) { return reason_in(kIgnored, name); }

}  // namespace app
