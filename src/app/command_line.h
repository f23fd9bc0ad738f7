#pragma once
#include <optional>
#include <string>
#include <vector>

#include "app/environment.h"
#include "app/values.h"

namespace app {

/// What a command line asks for.
struct Invocation {
  Command command = kMount;
  Values values{kMount};
  /// Text to print, and be done with exit code 0: --help or --version.
  std::optional<std::string> answer;
  bool pretend = false;  ///< mount.stsfs -f: check the options and mount nothing
};

/// Understands a whole command line, `arguments[0]` the program's name. Called as mount.stsfs it
/// takes SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS], else a subcommand. Reads the config file that it
/// names, and STSFS_* variables.
/// Errors: InvalidArgument in one line for people.
core::Result<Invocation> parse_command_line(const std::vector<std::string>& arguments,
                                            const Environment& environment);

/// The pieces of an -o list: separated by commas, where "\," is a comma and "\\" a backslash.
std::vector<std::string> split_mount_options(std::string_view text);

/// Sets what a config file says. Errors: InvalidArgument, naming the file and the line.
core::Status read_config_file(const std::string& path, Values& values);

}  // namespace app
