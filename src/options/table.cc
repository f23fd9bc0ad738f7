#include "options/table.h"

#include <algorithm>
#include <numeric>

#include "core/text.h"

namespace options {
namespace {

std::string_view reason_in(const std::vector<Reason>& rows, std::string_view name) {
  const std::string wanted = canonical_name(name);
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const Reason& row) { return row.name == wanted; });
  return found == rows.end() ? std::string_view() : found->why;
}

/// Edits that turn one word into the other: insert, delete, replace.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string canonical_name(std::string_view name) {
  std::string out = core::to_lower(name);
  std::replace(out.begin(), out.end(), '_', '-');
  return out;
}

std::optional<NamedOption> Table::find(Commands command, std::string_view name) const {
  const std::string wanted = canonical_name(name);
  for (const Option& option : options) {
    if ((option.commands & command) == 0) {
      continue;
    }
    if (option.name == wanted) {
      return NamedOption{&option, nullptr};
    }
    for (const Alias& alias : option.aliases) {
      if (alias.name == wanted) {
        return NamedOption{&option, &alias};
      }
    }
  }
  return std::nullopt;
}

std::string Table::nearest(Commands command, std::string_view name) const {
  const std::string wanted = canonical_name(name);
  std::string best;
  // A third of the word may be wrong; more is another word.
  std::size_t nearest = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  const auto consider = [&](std::string_view candidate) {
    const std::size_t away = distance(wanted, candidate);
    if (away < nearest) {
      nearest = away;
      best = candidate;
    }
  };
  for (const Option& option : options) {
    if ((option.commands & command) != 0) {
      consider(option.name);
      for (const Alias& alias : option.aliases) {
        consider(alias.name);
      }
    }
  }
  return best;
}

std::string_view Table::ignored_because(std::string_view name) const {
  return reason_in(ignored, name);
}

std::string_view Table::refused_because(std::string_view name) const {
  return reason_in(refused, name);
}

}  // namespace options
