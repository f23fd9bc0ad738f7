#pragma once
// The whole command line: which command, and where its values come from.
#include <optional>
#include <string>
#include <vector>

#include "app/option_table.h"
#include "options/environment.h"
#include "options/values.h"

namespace app {

/// What a command line asks for.
struct Invocation {
  Command command = kMount;
  options::Values values{option_table(), kMount};
  /// Text to print, and be done with exit code 0: --help or --version.
  std::optional<std::string> answer;
  bool pretend = false;  ///< mount.stsfs -f: check the options and mount nothing
};

/// Understands a whole command line, `arguments[0]` the program's name. Called as mount.stsfs it
/// takes SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS], else a subcommand. Reads the config file that it
/// names, and STSFS_* variables.
/// Errors: InvalidArgument in one line for people.
core::Result<Invocation> parse_command_line(const std::vector<std::string>& arguments,
                                            const options::Environment& environment);

}  // namespace app
