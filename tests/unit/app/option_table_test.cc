#include "app/option_table.h"

#include <gmock/gmock.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "options/values.h"

namespace app {
namespace {

constexpr Command kAll[] = {kMount, kUmount, kStatus, kWhoami, kEmulator};

TEST(OptionTable, EveryNameMeansOneThingInACommand) {
  for (const Command command : kAll) {
    std::set<std::string> names;
    for (const options::Option& option : option_table().options) {
      if ((option.commands & command) == 0) {
        continue;
      }
      EXPECT_TRUE(names.insert(std::string(option.name)).second) << option.name;
      EXPECT_EQ(options::canonical_name(option.name), option.name);
      for (const options::Alias& alias : option.aliases) {
        EXPECT_TRUE(names.insert(std::string(alias.name)).second) << alias.name;
        EXPECT_EQ(options::canonical_name(alias.name), alias.name);
        EXPECT_TRUE(option_table().refused_because(alias.name).empty()) << alias.name;
        EXPECT_TRUE(option_table().ignored_because(alias.name).empty()) << alias.name;
      }
      EXPECT_TRUE(option_table().refused_because(option.name).empty()) << option.name;
      EXPECT_TRUE(option_table().ignored_because(option.name).empty()) << option.name;
    }
  }
}

TEST(OptionTable, DefaultsAndImpliedValuesKeepTheirOwnRules) {
  for (const options::Option& option : option_table().options) {
    EXPECT_FALSE(option.help.empty()) << option.name;
    EXPECT_NE(option.commands, 0) << option.name;
    if (!option.fallback.empty()) {
      EXPECT_TRUE(options::check_value(option, option.fallback)) << option.name;
    }
    for (const options::Alias& alias : option.aliases) {
      if (!alias.value.empty()) {
        EXPECT_TRUE(options::check_value(option, alias.value)) << alias.name;
      }
    }
  }
}

/// The manual's option list is checked against the table, both ways.
TEST(OptionTable, IsWhatTheManualLists) {
  std::ifstream file(STSFS_SOURCE_DIR "/man/stsfs.1");
  ASSERT_TRUE(file);
  std::set<std::string> in_manual;
  for (std::string line; std::getline(file, line);) {
    // .B \-\-name in front of a .I value or alone: the head of an entry.
    for (const std::string head : {".BR \\-\\-", ".B \\-\\-", ".BI \\-\\-"}) {
      if (line.starts_with(head)) {
        std::string name = line.substr(head.size());
        name = name.substr(0, name.find_first_of(" =\","));
        for (std::size_t at = 0; (at = name.find("\\-", at)) != std::string::npos;) {
          name.replace(at, 2, "-");
        }
        in_manual.insert(name);
      }
    }
  }
  std::set<std::string> in_table;
  for (const options::Option& option : option_table().options) {
    if (!option.positional) {
      in_table.emplace(option.name);
    }
  }
  EXPECT_EQ(in_manual, in_table);
}

TEST(OptionTable, NamesNoSecret) {
  for (const options::Option& option : option_table().options) {
    EXPECT_EQ(option.name.find("secret"), std::string_view::npos) << option.name;
    EXPECT_EQ(option.name.find("password"), std::string_view::npos) << option.name;
  }
}

}  // namespace
}  // namespace app
