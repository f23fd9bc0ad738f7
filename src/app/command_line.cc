#include "app/command_line.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "app/version.h"
#include "core/format.h"
#include "options/arguments.h"
#include "options/config_file.h"
#include "options/mount_list.h"
#include "options/usage.h"
#include "options/variables.h"

namespace app {
namespace {

/// SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS], letters in any order, as mount(8) calls its helpers.
core::Result<std::vector<options::Assignment>> read_helper_arguments(
    const std::vector<std::string>& arguments, Invocation& invocation) {
  std::vector<options::Assignment> found;
  std::vector<std::string> positional;
  const auto add = [&](std::vector<options::Assignment> listed) {
    std::move(listed.begin(), listed.end(), std::back_inserter(found));
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "-o" || argument == "-t" || argument == "-N") {
      if (++i == arguments.size()) {
        return options::usage(argument + " wants a value");
      }
      if (argument == "-o") {
        add(options::read_mount_list(arguments[i]));
      }
    } else if (argument.starts_with("-o")) {
      add(options::read_mount_list(std::string_view(argument).substr(2)));
    } else if (argument.size() > 1 && argument[0] == '-' &&
               argument.find_first_not_of("sfnvrw", 1) == std::string::npos) {
      invocation.pretend = invocation.pretend || argument.find('f') != std::string::npos;
      if (argument.find('r') != std::string::npos) {
        found.push_back({"read-only", "", "-r"});
      }
    } else if (argument.starts_with("-")) {
      return options::usage(core::format(
          "mount.stsfs takes SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS], not {}", argument));
    } else {
      positional.push_back(argument);
    }
  }
  if (positional.size() != 2) {
    return options::usage("mount.stsfs wants SOURCE and MOUNTPOINT");
  }
  found.push_back({"source", positional[0], "SOURCE"});
  found.push_back({"mountpoint", positional[1], "MOUNTPOINT"});
  return found;
}

/// The file that --config or STSFS_CONFIG names, the former first; empty: none.
std::string config_file_of(const std::vector<options::Assignment>& found,
                           const options::Environment& environment) {
  std::string path = environment.get("STSFS_CONFIG");
  for (const options::Assignment& assignment : found) {
    if (options::canonical_name(assignment.name) == "config") {
      path = assignment.value;
    }
  }
  return path;
}

/// ossfs 2 writes `mount MOUNTPOINT --oss_bucket=B`: one positional argument, and the bucket apart.
void move_lone_mountpoint(std::vector<options::Assignment>& found) {
  const auto named = [&](std::string_view name) {
    return std::find_if(found.begin(), found.end(), [&](const options::Assignment& assignment) {
      return options::canonical_name(assignment.name) == name;
    });
  };
  const auto source = named("source");
  const bool bucket = named("bucket") != found.end() || named("oss-bucket") != found.end();
  if (bucket && source != found.end() && named("mountpoint") == found.end()) {
    source->name = "mountpoint";
  }
}

}  // namespace

core::Result<Invocation> parse_command_line(const std::vector<std::string>& arguments,
                                            const options::Environment& environment) {
  Invocation invocation;
  std::vector<std::string> rest(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  const bool helper = !arguments.empty() &&
                      std::filesystem::path(arguments[0]).filename().string().starts_with("mount.");
  if (!helper) {
    if (rest.empty() || rest[0] == "--help" || rest[0] == "-h" || rest[0] == "help") {
      invocation.answer = options::overview(command_table());
      return invocation;
    }
    if (rest[0] == "--version" || rest[0] == "-V" || rest[0] == "version") {
      invocation.answer = core::format("stsfs {}\n", kVersion);
      return invocation;
    }
    const auto& commands = command_table();
    const auto command =
        std::find_if(commands.begin(), commands.end(),
                     [&](const options::CommandRow& row) { return row.name == rest[0]; });
    if (command != commands.end()) {
      invocation.command = static_cast<Command>(command->bit);
      rest.erase(rest.begin());
    } else if (!rest[0].starts_with("oss://")) {
      // mount -t fuse.stsfs calls `stsfs oss://… MOUNTPOINT -o …`: that alone needs no word.
      return options::usage(
          core::format("there is no command \"{}\"; stsfs --help lists them", rest[0]));
    }
  }
  options::Values values(option_table(), invocation.command);
  std::vector<options::Assignment> found;
  if (helper) {
    TRY_ASSIGN(found, read_helper_arguments(rest, invocation));
  } else {
    TRY_ASSIGN(auto read,
               options::read_arguments(option_table(), row_of(invocation.command), rest));
    if (read.help) {
      invocation.answer = std::move(read.help);
      return invocation;
    }
    found = std::move(read.assignments);
  }
  if (invocation.command == kMount) {
    move_lone_mountpoint(found);
  }
  if (invocation.command != kEmulator && values.knows("config")) {
    if (const std::string path = config_file_of(found, environment); !path.empty()) {
      TRY(options::read_config_file(path, row_of(kMount), values));
    }
  }
  TRY(options::read_variables(environment, values));
  for (const options::Assignment& one : found) {
    TRY(values.set(options::Layer::CommandLine, one.name, one.value, one.origin));
  }
  invocation.values = std::move(values);
  return invocation;
}

}  // namespace app
