#pragma once
// The one table of options. Command line, -o lists, config file, STSFS_* variables, --help and the
// manual page follow from it or are tested against it.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace app {

/// What a user can ask for; bits, so that an option can belong to several.
enum Command : std::uint16_t {
  kMount = 1,
  kUmount = 2,
  kStatus = 4,
  kWhoami = 8,
  kEmulator = 16,
  kSignUrl = 32,
  kPolicy = 64,
  kDoctor = 128,
};
/// The commands that ask the service, or say what asking it takes: they share every option of
/// endpoint and credentials.
inline constexpr std::uint16_t kAskTheService = kMount | kWhoami | kSignUrl | kPolicy | kDoctor;
std::string_view to_string(Command command);

enum class OptionKind : std::uint8_t {
  Flag,  ///< alone, or with true/false
  Text,
  Path,      ///< of a file or folder; made absolute, since the daemon leaves the working directory
  Choice,    ///< one of `choices`
  Size,      ///< "64MiB"
  Duration,  ///< "30s"
  Count,
  Mode,  ///< octal
  List,  ///< several, separated by commas or given several times
  Each,  ///< several, given several times; each as it stands, commas included
};

/// A name that users of other programs have in their fingers.
struct Alias {
  std::string_view name;
  std::string_view value = {};  ///< what the bare alias stands for: --sigv1 is --sign-version v1
  std::string_view unit = {};   ///< of a plain number under this name, where it is not ours
  std::string_view bare = {};   ///< what the name without a value stands for, where one may follow
};

struct Option {
  std::string_view name = {};  ///< long name with hyphens; underscores are taken for the same
  char letter = 0;             ///< as in -f; none
  OptionKind kind = OptionKind::Text;
  std::uint16_t commands = 0;        ///< Command bits
  std::string_view value_name = {};  ///< for help
  std::string_view fallback = {};    ///< the default, as one would write it; empty: none
  std::string_view bounds = {};      ///< "1s..1h"; either end may be missing
  std::string_view choices = {};     ///< "auto|v1|v4"
  std::string_view synonyms = {};    ///< "warning=warn": what else is taken for a choice
  std::string_view group = {};       ///< heading in help and manual page
  std::string_view help = {};
  std::vector<Alias> aliases = {};
  bool positional = false;  ///< also taken without its name
};

const std::vector<Option>& option_table();

/// An option found by one of its names.
struct NamedOption {
  const Option* option;
  const Alias* alias;  ///< null: its own name
};

/// `name` in any spelling (underscores or hyphens, any alias), without leading hyphens.
std::optional<NamedOption> find_option(Command command, std::string_view name);
/// What a user who wrote `name` may have meant; empty where nothing is near.
std::string nearest_option(Command command, std::string_view name);
/// With hyphens, in lower case.
std::string canonical_name(std::string_view name);
/// A word of fstab that says nothing to us: "_netdev", "x-systemd.automount", …
bool is_fstab_word(std::string_view name);
/// Why an option of other programs that does no harm where it is not followed is ignored; empty for
/// any other name.
std::string_view ignored_because(std::string_view name);
/// Why an option that carries a secret, or one that other programs have and we do not, is refused;
/// empty for any other name.
std::string_view refusal_of(std::string_view name);

}  // namespace app
