// The machinery works for any table: here is a small one.
#include "options/table.h"

#include <gmock/gmock.h>

#include "options/arguments.h"
#include "options/variables.h"

namespace options {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr CommandRow kBake = {
    .bit = 1, .name = "bake", .purpose = "bake a cake", .takes_mount_lists = true};
constexpr Commands kEat = 2;

const Table& table() {
  static const Table kTable = {
      .options = {{.name = "oven",
                   .commands = 1,
                   .value_name = "NAME",
                   .help = "where it stands",
                   .positional = true},
                  {.name = "time-in-oven",
                   .kind = Kind::Duration,
                   .commands = 1,
                   .fallback = "40m",
                   .bounds = "1m..2h",
                   .help = "how long it stays",
                   .aliases = {{.name = "minutes", .unit = "m"}}},
                  {.name = "guests", .kind = Kind::List, .commands = kEat, .help = "who comes"}},
      .ignored = {{"candles", "there is no birthday"}},
      .refused = {{"recipe", "it is a secret"}},
  };
  return kTable;
}

core::Result<Values> bake(std::vector<std::string> words) {
  TRY_ASSIGN(const Arguments arguments, read_arguments(table(), kBake, std::move(words)));
  Values values(table(), kBake.bit);
  for (const Assignment& one : arguments.assignments) {
    TRY(values.set(Layer::CommandLine, one.name, one.value, one.origin));
  }
  return values;
}

TEST(Table, FindsWhatACommandHasByAnyName) {
  ASSERT_TRUE(table().find(kBake.bit, "Time_In_Oven"));
  EXPECT_EQ(table().find(kBake.bit, "minutes")->option->name, "time-in-oven");
  EXPECT_FALSE(table().find(kBake.bit, "guests"));
  EXPECT_EQ(table().nearest(kBake.bit, "time-in-ovem"), "time-in-oven");
  EXPECT_EQ(table().nearest(kBake.bit, "something-else"), "");
}

TEST(Arguments, BecomeValues) {
  EXPECT_EQ(bake({"gas"})->duration("time-in-oven"), std::chrono::minutes{40});
  const auto values = bake({"gas", "-o", "minutes=50,nofail"});
  ASSERT_TRUE(values) << core::describe(values.error());
  EXPECT_EQ(values->text("oven"), "gas");
  EXPECT_EQ(values->duration("time-in-oven"), std::chrono::minutes{50});
  EXPECT_THAT(bake({"--candles=3"})->ignored(), ElementsAre(HasSubstr("no birthday")));
}

TEST(Arguments, AreRefusedForAReason) {
  EXPECT_THAT(bake({"--recipe=x"}).error().message, HasSubstr("a secret"));
  EXPECT_THAT(bake({"--guests=x"}).error().message, HasSubstr("no option guests"));
  EXPECT_THAT(bake({"--time-in-oven=3h"}).error().message, HasSubstr("at most 2h"));
  EXPECT_THAT(bake({"gas", "wood"}).error().message, HasSubstr("one argument too many"));
}

TEST(Variables, StandForOptionsThatHaveNoPlace) {
  Values values(table(), kBake.bit);
  const Environment environment(std::map<std::string, std::string>{
      {"STSFS_TIME_IN_OVEN", "1h"}, {"STSFS_OVEN", "gas"}, {"STSFS_GUESTS", "a"}});
  ASSERT_TRUE(read_variables(environment, values));
  EXPECT_EQ(values.duration("time-in-oven"), std::chrono::hours{1});
  EXPECT_FALSE(values.given("oven"));
}

}  // namespace
}  // namespace options
