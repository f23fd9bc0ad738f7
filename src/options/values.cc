#include "options/values.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

#include "core/check.h"
#include "core/format.h"
#include "core/text.h"

namespace options {
namespace {

core::Error wants(const std::string& what) {
  return core::fail(core::ErrorKind::InvalidArgument, "wants " + what);
}

std::optional<std::uint64_t> parse_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<bool> parse_flag(std::string_view text) {
  const std::string word = core::to_lower(text);
  if (word.empty() || word == "true" || word == "1" || word == "yes" || word == "on") {
    return true;
  }
  if (word == "false" || word == "0" || word == "no" || word == "off") {
    return false;
  }
  return std::nullopt;
}

/// The value as a number that bounds can be compared with.
std::optional<std::uint64_t> magnitude(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::Size:
      return core::parse_size(text);
    case Kind::Count:
      return parse_number(text, 10);
    case Kind::Mode: {
      const auto bits = parse_number(text, 8);
      return bits && *bits <= 07777 ? bits : std::nullopt;
    }
    case Kind::Duration:
      if (const auto duration = core::parse_duration(text);
          duration && *duration >= core::Duration::zero()) {
        return static_cast<std::uint64_t>(duration->count());
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::string_view example(Kind kind) {
  switch (kind) {
    case Kind::Size:
      return "a size, as in 64MiB";
    case Kind::Count:
      return "a number";
    case Kind::Mode:
      return "permission bits in octal, as in 0644";
    default:
      return "a duration, as in 30s";
  }
}

core::Status check_magnitude(const Option& option, std::string_view text) {
  const auto value = magnitude(option.kind, text);
  if (!value) {
    return wants(std::string(example(option.kind)));
  }
  const auto dots = option.bounds.find("..");
  if (dots == std::string_view::npos) {
    return {};
  }
  const std::string_view low = option.bounds.substr(0, dots);
  const std::string_view high = option.bounds.substr(dots + 2);
  if (!low.empty() && *value < magnitude(option.kind, low)) {
    return wants(core::format("at least {}", low));
  }
  if (!high.empty() && *value > magnitude(option.kind, high)) {
    return wants(core::format("at most {}", high));
  }
  return {};
}

/// The choice that `text` is another word for; else itself.
std::string choice_meant(const Option& option, const std::string& text) {
  for (const auto pair : core::split(option.synonyms, '|')) {
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == text) {
      return std::string(pair.substr(equals + 1));
    }
  }
  return text;
}

}  // namespace

core::Status check_value(const Option& option, std::string_view text) {
  switch (option.kind) {
    case Kind::Flag:
      return parse_flag(text) ? core::Status() : wants("true or false, or no value at all");
    case Kind::Choice: {
      const auto choices = core::split(option.choices, '|');
      if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
        std::string list(option.choices);
        for (std::size_t at = 0; (at = list.find('|', at)) != std::string::npos;) {
          list.replace(at, 1, ", ");
        }
        return wants("one of " + list);
      }
      return {};
    }
    case Kind::Text:
    case Kind::Path:
    case Kind::List:
    case Kind::Each:
      return text.empty() ? wants("a value") : core::Status();
    case Kind::Size:
    case Kind::Duration:
    case Kind::Count:
    case Kind::Mode:
      return check_magnitude(option, text);
  }
  return {};
}

core::Status Values::set(Layer layer, std::string_view name, std::string_view value,
                         std::string_view origin) {
  const auto named = table_->find(command_, name);
  if (!named) {
    if (const auto why = table_->ignored_because(name); !why.empty()) {
      ignored_.push_back(core::format("{} is ignored: {}", origin, why));
      return {};
    }
    if (const auto why = table_->refused_because(name); !why.empty()) {
      return core::fail(core::ErrorKind::InvalidArgument, core::format("{}: {}", origin, why));
    }
    const std::string meant = table_->nearest(command_, name);
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("{}: there is no option {}{}", origin, canonical_name(name),
                                   meant.empty() ? "" : "; did you mean " + meant + "?"));
  }
  const Option& option = *named->option;
  std::string text(value);
  if (named->alias != nullptr) {
    const Alias& alias = *named->alias;
    if (!alias.value.empty()) {
      if (const auto wanted = parse_flag(text); !wanted) {
        return core::fail(core::ErrorKind::InvalidArgument,
                          core::format("{}: wants true or false, or no value at all", origin));
      } else if (!*wanted) {
        return {};  // switched off: nothing was asked for
      }
      text = alias.value;
    } else if (text.empty()) {
      text = alias.bare;
    } else if (!alias.unit.empty() && parse_number(text, 10)) {
      text += alias.unit;
    }
  }
  if (option.kind == Kind::Choice) {
    text = choice_meant(option, text);
  }
  if (auto checked = check_value(option, text); !checked) {
    return core::fail(core::ErrorKind::InvalidArgument,
                      core::format("{}: {} {}{}", origin, option.name, checked.error().message,
                                   text.empty() ? "" : ", not \"" + text + '"'));
  }
  if (option.kind == Kind::Path) {
    text = std::filesystem::absolute(text).string();
  }
  Held& held = held_[std::string(option.name)];
  if (held.layer != layer || (option.kind != Kind::List && option.kind != Kind::Each)) {
    held.texts.clear();
  }
  held.layer = layer;
  if (option.kind == Kind::List) {
    for (const auto piece : core::split(text, ',')) {
      if (!piece.empty()) {
        held.texts.emplace_back(piece);
      }
    }
  } else {
    held.texts.push_back(std::move(text));
  }
  return {};
}

bool Values::given(std::string_view name) const { return held_.find(name) != held_.end(); }

const Option& Values::option(std::string_view name) const {
  const auto found = table_->find(command_, name);
  CORE_CHECK(found && found->option->name == name);
  return *found->option;
}

std::string Values::effective(std::string_view name) const {
  const Option& row = option(name);
  const auto found = held_.find(name);
  return found == held_.end() || found->second.texts.empty() ? row.fallback
                                                             : found->second.texts.back();
}

bool Values::flag(std::string_view name) const {
  return given(name) && parse_flag(effective(name)).value_or(false);
}
std::string Values::text(std::string_view name) const { return effective(name); }
std::uint64_t Values::size(std::string_view name) const {
  return core::parse_size(effective(name)).value_or(0);
}
std::uint64_t Values::count(std::string_view name) const {
  return parse_number(effective(name), 10).value_or(0);
}
unsigned Values::mode(std::string_view name) const {
  return static_cast<unsigned>(parse_number(effective(name), 8).value_or(0));
}
core::Duration Values::duration(std::string_view name) const {
  return core::parse_duration(effective(name)).value_or(core::Duration::zero());
}
std::vector<std::string> Values::list(std::string_view name) const {
  const Option& row = option(name);
  const auto found = held_.find(name);
  if (found != held_.end()) {
    return found->second.texts;
  }
  std::vector<std::string> fallback;
  if (!row.fallback.empty()) {
    fallback.emplace_back(row.fallback);
  }
  return fallback;
}

std::vector<std::pair<std::string, std::string>> Values::given_values() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, held] : held_) {
    std::string joined;
    for (const auto& text : held.texts) {
      joined += (joined.empty() ? "" : ",") + text;
    }
    if (option(name).kind == Kind::Flag) {
      joined = parse_flag(joined).value_or(false) ? "true" : "false";
    }
    out.emplace_back(name, std::move(joined));
  }
  return out;
}

}  // namespace options
