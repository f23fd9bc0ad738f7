#pragma once
// The values of one command's options, each checked when it is set.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "options/table.h"

namespace options {

/// Where a value comes from; a later layer overrides an earlier one.
enum class Layer : std::uint8_t { Default, ConfigFile, EnvironmentVariable, CommandLine };

class Values {
 public:
  /// `table` outlives the values.
  Values(const Table& table, Commands command) : table_(&table), command_(command) {}

  [[nodiscard]] const Table& table() const { return *table_; }
  [[nodiscard]] Commands command() const { return command_; }
  /// Whether the command has an option of that name.
  [[nodiscard]] bool knows(std::string_view name) const {
    return table_->find(command_, name).has_value();
  }

  /// Sets the option that one of its names calls. `origin` is for messages: "--uid",
  /// "/etc/stsfs/a.toml, line 3". An empty `value` is what a bare flag has.
  /// Errors: InvalidArgument, naming origin, value and what would be right.
  core::Status set(Layer layer, std::string_view name, std::string_view value,
                   std::string_view origin);

  [[nodiscard]] bool given(std::string_view name) const;
  // The value, else the option's default, else an empty one. The command must know the name.
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] std::uint64_t size(std::string_view name) const;
  [[nodiscard]] std::uint64_t count(std::string_view name) const;
  [[nodiscard]] unsigned mode(std::string_view name) const;
  [[nodiscard]] core::Duration duration(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;

  /// What was asked for and is not followed, each with its reason, for people.
  [[nodiscard]] const std::vector<std::string>& ignored() const { return ignored_; }

  /// What differs from the defaults, as one would write it.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> given_values() const;

 private:
  struct Held {
    Layer layer = Layer::Default;
    std::vector<std::string> texts;
  };
  [[nodiscard]] const Option& option(std::string_view name) const;
  [[nodiscard]] std::string effective(std::string_view name) const;

  const Table* table_;
  Commands command_;
  std::map<std::string, Held, std::less<>> held_;
  std::vector<std::string> ignored_;
};

/// Checks `text` against the option's kind, choices and bounds.
/// Errors: InvalidArgument: "wants …".
core::Status check_value(const Option& option, std::string_view text);

}  // namespace options
