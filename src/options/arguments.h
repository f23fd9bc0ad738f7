#pragma once
// The words behind a command, and what --help says of it.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "options/assignment.h"
#include "options/table.h"

namespace options {

/// A command as whoever types it sees it.
struct CommandRow {
  Commands bit = 0;
  std::string_view name;
  std::string_view purpose;
  std::string_view footer = {};    ///< what --help ends with
  bool takes_mount_lists = false;  ///< -o NAME[=VALUE],… too
};

struct Arguments {
  std::vector<Assignment> assignments;  ///< in their order
  std::optional<std::string> help;      ///< --help: text to print, and nothing else is asked for
};

/// Understands the words behind a command.
/// Errors: InvalidArgument in one line for people; values are not looked at yet.
core::Result<Arguments> read_arguments(const Table& table, const CommandRow& command,
                                       std::vector<std::string> words);

/// One line a command.
std::string overview(const std::vector<CommandRow>& commands);

}  // namespace options
