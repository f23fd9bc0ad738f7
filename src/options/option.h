#pragma once
// A row of a table of options.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace options {

/// Bits, one a command, so that an option can belong to several.
using Commands = std::uint16_t;

enum class Kind : std::uint8_t {
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
  Kind kind = Kind::Text;
  Commands commands = 0;
  std::string_view value_name = {};  ///< for help
  std::string fallback = {};         ///< the default, as one would write it; empty: none
  std::string_view bounds = {};      ///< "1s..1h"; either end may be missing
  std::string_view choices = {};     ///< "auto|v1|v4"
  std::string_view synonyms = {};    ///< "warning=warn": what else is taken for a choice
  std::string_view group = {};       ///< heading in help and manual page
  std::string_view help = {};
  std::vector<Alias> aliases = {};
  bool positional = false;  ///< also taken without its name
};

}  // namespace options
