#pragma once
// A table of options: command line, -o lists, config file, variables and --help follow from it.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "options/option.h"

namespace options {

/// An option found by one of its names.
struct NamedOption {
  const Option* option;
  const Alias* alias;  ///< null: its own name
};

/// Why a name that other programs have is not followed.
struct Reason {
  std::string_view name;
  std::string_view why;
};

struct Table {
  std::vector<Option> options;
  std::vector<Reason> ignored;  ///< hints, which do no harm where they are not followed
  std::vector<Reason> refused;  ///< what carries a secret, or would be missed

  /// `name` in any spelling (underscores or hyphens, any alias), without leading hyphens.
  [[nodiscard]] std::optional<NamedOption> find(Commands command, std::string_view name) const;
  /// What a user who wrote `name` may have meant; empty where nothing is near.
  [[nodiscard]] std::string nearest(Commands command, std::string_view name) const;
  /// Empty for any other name.
  [[nodiscard]] std::string_view ignored_because(std::string_view name) const;
  [[nodiscard]] std::string_view refused_because(std::string_view name) const;
};

/// With hyphens, in lower case.
std::string canonical_name(std::string_view name);

}  // namespace options
