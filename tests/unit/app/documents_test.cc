// What documents say of commands, options and defaults is what the tables say.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/option_table.h"
#include "core/format.h"
#include "core/text.h"

namespace app {
namespace {

using options::Kind;
using options::Option;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string document(const std::string& name) { return text_of(STSFS_SOURCE_DIR "/" + name); }

std::string with(std::string text, std::string_view old, std::string_view now) {
  for (std::size_t at = 0; (at = text.find(old, at)) != std::string::npos; at += now.size()) {
    text.replace(at, old.size(), now);
  }
  return text;
}

/// What a line of the manual shows, without the letters of its language.
std::string shown(std::string_view line) {
  return with(with(with(std::string(line), "\\-", "-"), "\\(aq", "'"), "\\e", "\\");
}

/// All that can be said wrongly of an option, on one line.
std::string summary(std::string_view name, std::string_view letter, std::string_view fallback,
                    std::string_view bounds, const std::set<std::string>& aliases) {
  std::string out =
      core::format("--{}{}: default {}, bounds {}, also", name, letter, fallback, bounds);
  for (const std::string& alias : aliases) {
    out += ' ' + alias;
  }
  return out;
}

std::string summary(const Option& option) {
  std::set<std::string> aliases;
  for (const options::Alias& alias : option.aliases) {
    aliases.emplace(alias.name);
  }
  return summary(option.name, option.letter == 0 ? "" : core::format(", -{}", option.letter),
                 option.fallback, option.bounds, aliases);
}

/// The rest of the line behind `word` in `text`, without a full stop at its end.
std::string behind(std::string_view word, std::string_view text) {
  const auto at = text.find(word);
  if (at == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = text.substr(at + word.size());
  const std::string_view line = rest.substr(0, rest.find('\n'));
  return std::string(line.ends_with('.') ? line.substr(0, line.size() - 1) : line);
}

/// An entry below .TP: ".BI \-\-name " VALUE"" or ".BR \-\-name , \-f", and its text; empty for one
/// about something else.
std::string summary(std::string_view entry) {
  const auto end = entry.find('\n');
  const std::string head = shown(entry.substr(0, end));
  const std::string text = shown(entry.substr(std::min(end, entry.size())));
  const auto dashes = head.find(" --");
  if (dashes == std::string::npos) {
    return {};
  }
  const std::string name =
      head.substr(dashes + 3, head.find_first_of(" \"", dashes + 3) - dashes - 3);
  const auto letter = head.find(" , -");
  std::string fallback = behind("Default: ", text);
  fallback = fallback.substr(0, fallback.find(". Bounds: "));
  std::set<std::string> aliases;
  const std::string also = behind("\nAlso: ", text);
  for (const auto alias : core::split(also, ',')) {
    if (const auto word = core::trim(alias); !word.empty()) {
      aliases.emplace(word.substr(0, word.find(' ')));
    }
  }
  return summary(name, letter == std::string::npos ? "" : ", " + head.substr(letter + 3), fallback,
                 behind("Bounds: ", text), aliases);
}

std::set<std::string> options_in_manual(std::string_view section) {
  const std::string manual = document("man/stsfs.1");
  const auto start = manual.find(core::format("\n.SH {}\n", section));
  EXPECT_NE(start, std::string::npos) << section;
  const std::string text = manual.substr(start, manual.find("\n.SH ", start + 1) - start);
  std::set<std::string> out;
  for (auto at = text.find("\n.TP\n"); at != std::string::npos;) {
    const auto next = text.find("\n.TP\n", at + 1);
    const auto subsection = text.find("\n.SS ", at + 1);
    out.insert(summary(std::string_view(text).substr(at + 5, std::min(next, subsection) - at - 5)));
    at = next;
  }
  out.erase("");
  return out;
}

std::set<std::string> options_in_table(bool of_the_emulator) {
  std::set<std::string> out;
  for (const Option& option : option_table().options) {
    if (!option.positional && (option.commands == kEmulator) == of_the_emulator) {
      out.insert(summary(option));
    }
  }
  return out;
}

/// What the first has and the second has not.
std::vector<std::string> only_in(const std::set<std::string>& one,
                                 const std::set<std::string>& other) {
  std::vector<std::string> out;
  std::set_difference(one.begin(), one.end(), other.begin(), other.end(), std::back_inserter(out));
  return out;
}

TEST(Manual, SaysOfEveryOptionWhatTheTableSays) {
  for (const bool emulator : {false, true}) {
    const auto manual = options_in_manual(emulator ? "EMULATOR OPTIONS" : "OPTIONS");
    const auto table = options_in_table(emulator);
    EXPECT_THAT(only_in(manual, table), ::testing::IsEmpty()) << "in man/stsfs.1 alone";
    EXPECT_THAT(only_in(table, manual), ::testing::IsEmpty()) << "in the table alone";
  }
}

TEST(Manual, SaysTheChoicesOfOptions) {
  const std::string manual = shown(document("man/stsfs.1"));
  for (const Option& option : option_table().options) {
    if (option.kind == Kind::Choice && !option.positional) {
      EXPECT_THAT(manual, ::testing::HasSubstr(
                              core::format(".BI --{} \" {}\"\n", option.name, option.choices)));
    }
  }
}

TEST(Manual, ListsTheCommands) {
  const std::string manual = shown(document("man/stsfs.1"));
  std::set<std::string> listed;
  for (auto at = manual.find("\n\\fBstsfs "); at != std::string::npos;
       at = manual.find("\n\\fBstsfs ", at + 1)) {
    listed.insert(manual.substr(at + 10, manual.find('\\', at + 10) - at - 10));
  }
  std::set<std::string> known;
  for (const options::CommandRow& command : command_table()) {
    known.emplace(command.name);
  }
  EXPECT_EQ(listed, known);
}

TEST(Help, NamesEveryOptionOfTheCommandAndItsDefault) {
  for (const options::CommandRow& command : command_table()) {
    const auto invocation = parse_command_line({"stsfs", std::string(command.name), "--help"}, {});
    ASSERT_TRUE(invocation && invocation->answer) << command.name;
    for (const Option& option : option_table().options) {
      if ((option.commands & command.bit) == 0 || option.positional) {
        continue;
      }
      const auto line = behind(core::format("--{} ", option.name), *invocation->answer + '\n');
      EXPECT_FALSE(line.empty()) << command.name << ": " << option.name;
      if (!option.fallback.empty()) {
        EXPECT_THAT(line, ::testing::EndsWith(core::format("[{}]", option.fallback)));
      }
    }
    const auto overview = parse_command_line({"stsfs", "--help"}, {});
    EXPECT_THAT(*overview->answer, ::testing::HasSubstr(core::format("  stsfs {}", command.name)));
  }
}

/// "`--metadata-ttl` (1 s)" names the default.
TEST(Documents, NameTheDefaultsOfOptions) {
  std::size_t named = 0;
  std::vector<std::filesystem::path> paths = {STSFS_SOURCE_DIR "/README.md"};
  for (const auto& entry : std::filesystem::directory_iterator(STSFS_SOURCE_DIR "/docs")) {
    if (entry.path().extension() == ".md") {
      paths.push_back(entry.path());
    }
  }
  for (const auto& path : paths) {
    const std::string text = text_of(path);
    for (auto at = text.find("`--"); at != std::string::npos; at = text.find("`--", at + 1)) {
      const auto end = text.find('`', at + 3);
      const auto option = option_table().find(kMount, text.substr(at + 3, end - at - 3));
      if (!option || !text.substr(end).starts_with("` (")) {
        continue;
      }
      const std::string value =
          with(text.substr(end + 3, text.find_first_of(");,", end) - end - 3), " ", "");
      const bool a_value =
          option->option->kind != Kind::Text && options::check_value(*option->option, value);
      if (a_value) {
        EXPECT_EQ(value, option->option->fallback) << path << ": " << option->option->name;
        ++named;
      }
    }
  }
  EXPECT_GT(named, 0U);
  const auto fallback = [](std::string_view name) {
    return option_table().find(kMount, name)->option->fallback;
  };
  EXPECT_THAT(document("docs/semantics.md"),
              ::testing::HasSubstr(core::format("mode {}, directories {} (`--uid",
                                                fallback("file-mode"), fallback("dir-mode"))));
}

/// "## Title" … "Test: `tests/unit/fs/names_test.cc` Names.OddKeysAppearEscapedAndHideNobody".
TEST(Semantics, EverySectionNamesATestThatExists) {
  const std::string text = document("docs/semantics.md");
  std::size_t sections = 0;
  for (auto at = text.find("\n## "); at != std::string::npos; at = text.find("\n## ", at + 1)) {
    const std::string section = text.substr(at + 1, text.find("\n## ", at + 1) - at);
    const std::string title = section.substr(0, section.find('\n'));
    const auto line = section.find("\nTest: ");
    if (line == std::string::npos) {
      ADD_FAILURE() << title << " names no test: its last line is \"Test: `FILE` NAME\"";
      continue;
    }
    ++sections;
    EXPECT_NE(section.find('`', line), std::string::npos) << title << ": which test?";
    for (auto tick = section.find('`', line); tick != std::string::npos;
         tick = section.find('`', tick + 1)) {
      const auto close = section.find('`', tick + 1);
      const std::string file = section.substr(tick + 1, close - tick - 1);
      const auto end = section.find_first_of(",\n", close);
      std::string name(core::trim(std::string_view(section).substr(close + 1, end - close - 1)));
      const std::string content = document(file);
      if (file.ends_with(".py")) {
        name = "def " + name + "(";
      } else {
        name = '(' + with(name, ".", ", ") + ") {";
      }
      EXPECT_TRUE(content.find(name) != std::string::npos)
          << title << ": " << file << " has no " << name;
      tick = close;
    }
  }
  EXPECT_GT(sections, 0U);
}

}  // namespace
}  // namespace app
