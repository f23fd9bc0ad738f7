#include "options/arguments.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "core/format.h"
#include "options/mount_list.h"
#include "options/usage.h"
#include "options/values.h"

namespace options {
namespace {

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
  if (option.kind == Kind::Choice) {
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
    case Kind::Size:
      return "SIZE";
    case Kind::Duration:
      return "TIME";
    case Kind::Mode:
      return "MODE";
    case Kind::Choice:
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
std::vector<Declared> declare_options(CLI::App& app, const Table& table, Commands command) {
  std::vector<Declared> declared;
  const auto add = [&](const std::string& spelt, std::string_view name, const Option& option,
                       const std::string& group) {
    CLI::Option* added = option.kind == Kind::Flag
                             ? app.add_flag(spelt)->description(help_of(option))
                             : app.add_option(spelt)->description(help_of(option));
    added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->group(group);
    if (option.kind != Kind::Flag) {
      added->expected(1)->allow_extra_args(false)->type_name(value_name(option));
    }
    declared.push_back({added, std::string(name)});
  };
  for (const Option& option : table.options) {
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
      as_alias.kind = alias.value.empty() ? option.kind : Kind::Flag;
      add("--" + std::string(alias.name), alias.name, as_alias, "");
    }
  }
  return declared;
}

}  // namespace

core::Result<Arguments> read_arguments(const Table& table, const CommandRow& command,
                                       std::vector<std::string> words) {
  CLI::App app{std::string(command.purpose), core::format("stsfs {}", command.name)};
  app.allow_extras();
  app.footer(std::string(command.footer));
  app.get_formatter()->column_width(34);
  auto declared = declare_options(app, table, command.bit);
  const CLI::Option* lists = nullptr;
  if (command.takes_mount_lists) {
    lists = app.add_option("-o")
                ->description("options as fstab writes them; \\, is a comma within a value")
                ->expected(1)
                ->allow_extra_args(false)
                ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
                ->type_name("NAME[=VALUE],…");
  }
  std::transform(words.begin(), words.end(), words.begin(), with_hyphens);
  std::reverse(words.begin(), words.end());  // as CLI11 wants a vector
  try {
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    return Arguments{{}, app.help()};
  } catch (const CLI::Error& error) {
    return usage(error.what());
  }
  Arguments found;
  for (const std::string& extra : app.remaining()) {
    if (extra.starts_with("-") && extra.size() > 1) {
      const auto name = std::string_view(extra).substr(extra.find_first_not_of('-'));
      if (const auto equals = name.find('=');
          equals != std::string_view::npos &&
          !table.ignored_because(name.substr(0, equals)).empty()) {
        found.assignments.push_back(
            {std::string(name.substr(0, equals)), "", extra.substr(0, extra.find('='))});
        continue;
      }
      // Values knows how to refuse a name.
      TRY(Values(table, command.bit)
              .set(Layer::CommandLine, name.substr(0, name.find('=')), "x", extra));
    }
    return usage(core::format("\"{}\" is one argument too many", extra));
  }
  std::map<const CLI::Option*, std::size_t> seen;
  for (const CLI::Option* option : app.parse_order()) {
    const std::string value = option->results().at(seen[option]++);
    if (option == lists) {
      auto listed = read_mount_list(value);
      std::move(listed.begin(), listed.end(), std::back_inserter(found.assignments));
      continue;
    }
    const auto at = std::find_if(declared.begin(), declared.end(),
                                 [&](const Declared& row) { return row.parsed == option; });
    if (at != declared.end()) {
      found.assignments.push_back({at->name, value, "--" + at->name});
    }
  }
  return found;
}

std::string overview(const std::vector<CommandRow>& commands) {
  std::string text =
      "stsfs: an Alibaba Cloud OSS bucket as a directory, on STS credentials that renew "
      "themselves\n\n";
  for (const CommandRow& command : commands) {
    text += core::format("  stsfs {:<9} {}\n", command.name, command.purpose);
  }
  return text + "\nstsfs COMMAND --help lists the options of a command.\n";
}

}  // namespace options
