#include "app/command_line.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <utility>

#include "app/usage.h"
#include "app/version.h"
#include "core/format.h"
#include "core/text.h"

namespace app {
namespace {

/// One value as it was given, in order.
struct Assignment {
  std::string name;
  std::string value;
  std::string origin;
};

constexpr std::array kCommands = {kMount,   kUmount, kStatus, kWhoami,
                                  kSignUrl, kPolicy, kDoctor, kEmulator};

std::string_view purpose(Command command) {
  switch (command) {
    case kMount:
      return "mount a bucket as a directory";
    case kUmount:
      return "upload what is left, unmount, and wait for the daemon's end";
    case kStatus:
      return "show health, token life, what is not uploaded yet, and requests";
    case kWhoami:
      return "show which credentials a mount would use";
    case kEmulator:
      return "serve OSS, STS and ECS metadata on loopback, for trials and tests";
    case kSignUrl:
      return "print a URL that lets whoever has it use one object for a while";
    case kPolicy:
      return "print the least rights that a mount needs, as RAM policies";
    case kDoctor:
      return "check step by step whether a mount will work, with advice";
  }
  return "";
}

/// --Some_Name=value becomes --some-name=value, so that one spelling is enough below.
std::string with_hyphens(const std::string& argument) {
  if (!argument.starts_with("--") || argument.size() == 2) {
    return argument;
  }
  const auto equals = argument.find('=');
  return "--" +
         canonical_name(argument.substr(2, equals == std::string::npos ? equals : equals - 2)) +
         (equals == std::string::npos ? "" : argument.substr(equals));
}

std::string help_of(const Option& option) {
  std::string text(option.help);
  if (option.kind == OptionKind::Choice) {
    text += core::format(" ({})", option.choices);
  }
  if (!option.fallback.empty()) {
    text += core::format(" [{}]", option.fallback);
  }
  return text;
}

std::string value_name(const Option& option) {
  if (!option.value_name.empty()) {
    return std::string(option.value_name);
  }
  switch (option.kind) {
    case OptionKind::Size:
      return "SIZE";
    case OptionKind::Duration:
      return "TIME";
    case OptionKind::Mode:
      return "MODE";
    case OptionKind::Choice:
      return "WORD";
    default:
      return "N";
  }
}

/// One option as CLI11 knows it, and the name that it was declared under.
struct Declared {
  const CLI::Option* parsed;
  std::string name;
};

/// Gives CLI11 the options of one command: its tokenizer and its help are what we use; meaning is
/// ours (Values).
std::vector<Declared> declare_options(CLI::App& app, Command command) {
  std::vector<Declared> declared;
  const auto add = [&](const std::string& spelt, std::string_view name, const Option& option,
                       const std::string& group) {
    CLI::Option* added = option.kind == OptionKind::Flag
                             ? app.add_flag(spelt)->description(help_of(option))
                             : app.add_option(spelt)->description(help_of(option));
    added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->group(group);
    if (option.kind != OptionKind::Flag) {
      added->expected(1)->allow_extra_args(false)->type_name(value_name(option));
    }
    declared.push_back({added, std::string(name)});
  };
  for (const Option& option : option_table()) {
    if ((option.commands & command) == 0) {
      continue;
    }
    std::string spelt = "--" + std::string(option.name);
    if (option.letter != 0) {
      spelt = core::format("-{},{}", option.letter, spelt);
    }
    if (option.positional) {
      spelt = core::format("{},{}", option.name, spelt);
    }
    add(spelt, option.name, option, std::string(option.group));
    for (const Alias& alias : option.aliases) {
      // An alias with a value of its own is a flag. All are left out of --help.
      Option as_alias = option;
      as_alias.kind = alias.value.empty() ? option.kind : OptionKind::Flag;
      add("--" + std::string(alias.name), alias.name, as_alias, "");
    }
  }
  return declared;
}

void expand_mount_options(std::string_view list, std::vector<Assignment>& out) {
  for (const std::string& piece : split_mount_options(list)) {
    if (piece.empty() || is_fstab_word(piece)) {
      continue;
    }
    const auto equals = piece.find('=');
    const std::string name = piece.substr(0, equals);
    out.push_back(
        {name, equals == std::string::npos ? "" : piece.substr(equals + 1), "-o " + name});
  }
}

std::string footer(Command command) {
  if (command != kMount) {
    return "";
  }
  return "-o NAME[=VALUE],… takes the same names, as fstab writes them; so do a config file and\n"
         "variables such as STSFS_METADATA_TTL. Credentials: ALIBABA_CLOUD_ACCESS_KEY_ID, "
         "ALIBABA_CLOUD_ACCESS_KEY_SECRET\n"
         "and ALIBABA_CLOUD_SECURITY_TOKEN, the CLI's profiles, an instance's role, or an option.\n"
         "Exit codes: 2 usage or configuration, 3 mount point, 4 credentials, 5 permission, 6 "
         "bucket, "
         "7 endpoint or network.";
}

/// Runs CLI11 over the arguments of one command.
core::Result<std::vector<Assignment>> tokenize(Command command, std::vector<std::string> arguments,
                                               Invocation& invocation) {
  CLI::App app{std::string(purpose(command)), "stsfs " + std::string(to_string(command))};
  app.allow_extras();
  app.footer(footer(command));
  app.get_formatter()->column_width(34);
  auto declared = declare_options(app, command);
  const CLI::Option* lists = nullptr;
  if (command == kMount) {
    lists = app.add_option("-o")
                ->description("options as fstab writes them; \\, is a comma within a value")
                ->expected(1)
                ->allow_extra_args(false)
                ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
                ->type_name("NAME[=VALUE],…");
  }
  std::transform(arguments.begin(), arguments.end(), arguments.begin(), with_hyphens);
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants a vector
  try {
    app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    invocation.answer = app.help();
    return std::vector<Assignment>();
  } catch (const CLI::Error& error) {
    return usage(error.what());
  }
  std::vector<Assignment> found;
  for (const std::string& extra : app.remaining()) {
    if (extra.starts_with("-") && extra.size() > 1) {
      const auto name = std::string_view(extra).substr(extra.find_first_not_of('-'));
      if (const auto equals = name.find('=');
          equals != std::string_view::npos && !ignored_because(name.substr(0, equals)).empty()) {
        found.push_back(
            {std::string(name.substr(0, equals)), "", extra.substr(0, extra.find('='))});
        continue;
      }
      // Values knows how to refuse a name.
      TRY(Values(command).set(Layer::CommandLine, name.substr(0, name.find('=')), "x", extra));
    }
    return usage(core::format("\"{}\" is one argument too many", extra));
  }
  std::map<const CLI::Option*, std::size_t> seen;
  for (const CLI::Option* option : app.parse_order()) {
    const std::string value = option->results().at(seen[option]++);
    if (option == lists) {
      expand_mount_options(value, found);
      continue;
    }
    const auto at = std::find_if(declared.begin(), declared.end(),
                                 [&](const Declared& row) { return row.parsed == option; });
    if (at != declared.end()) {
      found.push_back({at->name, value, "--" + at->name});
    }
  }
  return found;
}

/// SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS], letters in any order, as mount(8) calls its helpers.
core::Result<std::vector<Assignment>> tokenize_helper(const std::vector<std::string>& arguments,
                                                      Invocation& invocation) {
  std::vector<Assignment> found;
  std::vector<std::string> positional;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "-o" || argument == "-t" || argument == "-N") {
      if (++i == arguments.size()) {
        return usage(argument + " wants a value");
      }
      if (argument == "-o") {
        expand_mount_options(arguments[i], found);
      }
    } else if (argument.starts_with("-o")) {
      expand_mount_options(std::string_view(argument).substr(2), found);
    } else if (argument.size() > 1 && argument[0] == '-' &&
               argument.find_first_not_of("sfnvrw", 1) == std::string::npos) {
      invocation.pretend = invocation.pretend || argument.find('f') != std::string::npos;
      if (argument.find('r') != std::string::npos) {
        found.push_back({"read-only", "", "-r"});
      }
    } else if (argument.starts_with("-")) {
      return usage(core::format("mount.stsfs takes SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS], not {}",
                                argument));
    } else {
      positional.push_back(argument);
    }
  }
  if (positional.size() != 2) {
    return usage("mount.stsfs wants SOURCE and MOUNTPOINT");
  }
  found.push_back({"source", positional[0], "SOURCE"});
  found.push_back({"mountpoint", positional[1], "MOUNTPOINT"});
  return found;
}

std::string overview() {
  std::string text =
      "stsfs: an Alibaba Cloud OSS bucket as a directory, on STS credentials that renew "
      "themselves\n\n";
  for (const Command command : kCommands) {
    text += core::format("  stsfs {:<9} {}\n", to_string(command), purpose(command));
  }
  return text + "\nstsfs COMMAND --help lists the options of a command.\n";
}

/// STSFS_METADATA_TTL for metadata-ttl.
std::string variable_name(std::string_view option) {
  std::string name = "STSFS_";
  for (const char c : option) {
    name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return name;
}

core::Status apply_environment(const Environment& environment, Values& values) {
  for (const Option& option : option_table()) {
    if ((option.commands & values.command()) == 0 || option.positional) {
      continue;  // what is mounted where is nothing to say in passing
    }
    const std::string name = variable_name(option.name);
    if (const std::string value = environment.get(name); !value.empty()) {
      TRY(values.set(Layer::EnvironmentVariable, option.name, value, name));
    }
  }
  return {};
}

/// The file that --config or STSFS_CONFIG names, the former first; empty: none.
std::string config_file_of(const std::vector<Assignment>& found, const Environment& environment) {
  std::string path = environment.get("STSFS_CONFIG");
  for (const Assignment& assignment : found) {
    if (canonical_name(assignment.name) == "config") {
      path = assignment.value;
    }
  }
  return path;
}

/// ossfs 2 writes `mount MOUNTPOINT --oss_bucket=B`: one positional argument, and the bucket apart.
void move_lone_mountpoint(std::vector<Assignment>& found) {
  const auto named = [&](std::string_view name) {
    return std::find_if(found.begin(), found.end(), [&](const Assignment& assignment) {
      return canonical_name(assignment.name) == name;
    });
  };
  const auto source = named("source");
  const bool bucket = named("bucket") != found.end() || named("oss-bucket") != found.end();
  if (bucket && source != found.end() && named("mountpoint") == found.end()) {
    source->name = "mountpoint";
  }
}

}  // namespace

std::vector<std::string> split_mount_options(std::string_view text) {
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

core::Result<Invocation> parse_command_line(const std::vector<std::string>& arguments,
                                            const Environment& environment) {
  Invocation invocation;
  std::vector<std::string> rest(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  const bool helper = !arguments.empty() &&
                      std::filesystem::path(arguments[0]).filename().string().starts_with("mount.");
  if (!helper) {
    if (rest.empty() || rest[0] == "--help" || rest[0] == "-h" || rest[0] == "help") {
      invocation.answer = overview();
      return invocation;
    }
    if (rest[0] == "--version" || rest[0] == "-V" || rest[0] == "version") {
      invocation.answer = core::format("stsfs {}\n", kVersion);
      return invocation;
    }
    const auto* const command =
        std::find_if(kCommands.begin(), kCommands.end(),
                     [&](Command candidate) { return to_string(candidate) == rest[0]; });
    if (command != kCommands.end()) {
      invocation.command = *command;
      rest.erase(rest.begin());
    } else if (!rest[0].starts_with("oss://")) {
      // mount -t fuse.stsfs calls `stsfs oss://… MOUNTPOINT -o …`: that alone needs no word.
      return usage(core::format("there is no command \"{}\"; stsfs --help lists them", rest[0]));
    }
  }
  invocation.values = Values(invocation.command);
  auto found =
      helper ? tokenize_helper(rest, invocation) : tokenize(invocation.command, rest, invocation);
  if (!found) {
    return std::move(found).error();
  }
  if (invocation.answer) {
    return invocation;
  }
  if (invocation.command == kMount) {
    move_lone_mountpoint(*found);
  }
  if (invocation.command != kEmulator) {
    if (const std::string path = config_file_of(*found, environment);
        !path.empty() && find_option(invocation.command, "config")) {
      TRY(read_config_file(path, invocation.values));
    }
  }
  TRY(apply_environment(environment, invocation.values));
  for (const Assignment& assignment : *found) {
    TRY(invocation.values.set(Layer::CommandLine, assignment.name, assignment.value,
                              assignment.origin));
  }
  return invocation;
}

}  // namespace app
