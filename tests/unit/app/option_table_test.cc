#include "app/option_table.h"

#include <gmock/gmock.h>

#include <set>
#include <string>

#include "options/values.h"

namespace app {
namespace {

TEST(OptionTable, EveryNameMeansOneThingInACommand) {
  for (const options::CommandRow& command : command_table()) {
    std::set<std::string> names;
    for (const options::Option& option : option_table().options) {
      if ((option.commands & command.bit) == 0) {
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

TEST(OptionTable, NamesNoSecret) {
  for (const options::Option& option : option_table().options) {
    EXPECT_EQ(option.name.find("secret"), std::string_view::npos) << option.name;
    EXPECT_EQ(option.name.find("password"), std::string_view::npos) << option.name;
  }
}

}  // namespace
}  // namespace app
