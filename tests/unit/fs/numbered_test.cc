#include "fs/numbered.h"

#include <gmock/gmock.h>

#include "core/format.h"

namespace {

using fs::NumberedName;
using fs::NumberedSiblings;
using testing::Contains;
using testing::IsEmpty;

std::string taken_apart(std::string_view name) {
  const auto numbered = NumberedName::of(name);
  return numbered ? core::format("{}|{}|{}", numbered->stem, numbered->number, numbered->ending)
                  : "none";
}

TEST(NumberedName, IsTheLastNumberBeforeTheEnding) {
  EXPECT_EQ(taken_apart("s10"), "s|10|");
  EXPECT_EQ(taken_apart("7"), "|7|");
  EXPECT_EQ(taken_apart("img0.jpg"), "img|0|.jpg");
  EXPECT_EQ(taken_apart("v2-part-11.mp4"), "v2-part-|11|.mp4");
  EXPECT_EQ(taken_apart("3 of 9 (copy).txt"), "3 of |9| (copy).txt");
  EXPECT_EQ(taken_apart("syslog.1"), "syslog.|1|");
  EXPECT_EQ(taken_apart("123456789"), "|123456789|");
}

TEST(NumberedName, IsNoneWithoutANumberOrWithOneThatListsInOrder) {
  EXPECT_EQ(taken_apart(""), "none");
  EXPECT_EQ(taken_apart("readme.txt"), "none");
  EXPECT_EQ(taken_apart("img007.jpg"), "none");
  EXPECT_EQ(taken_apart("00"), "none");
  EXPECT_EQ(taken_apart("1234567890.log"), "none") << "a time, not a count";
}

TEST(NumberedSiblings, AsksForTheNumbersBehindTwo) {
  NumberedSiblings siblings;
  const core::SteadyTime now{};
  siblings.looked("a8.x", false, now);
  EXPECT_THAT(siblings.next(now), IsEmpty());
  siblings.looked("a9.x", false, now);
  const auto names = siblings.next(now);
  ASSERT_FALSE(names.empty());
  EXPECT_EQ(names.front(), "a10.x");
  EXPECT_THAT(siblings.next(now), IsEmpty()) << "the same is asked for once";
}

TEST(NumberedSiblings, FollowsAFewSeriesSideBySide) {
  NumberedSiblings siblings;
  const core::SteadyTime now{};
  for (const char* name : {"image1.jpg", "label1.txt", "image2.jpg", "label2.txt"}) {
    siblings.looked(name, false, now);
  }
  const auto names = siblings.next(now);
  EXPECT_THAT(names, Contains("image3.jpg"));
  EXPECT_THAT(names, Contains("label3.txt"));
}

TEST(NumberedSiblings, TakesNamesHereAndThereForNothing) {
  NumberedSiblings siblings;
  core::SteadyTime now{};
  std::size_t asked = 0;
  for (int i = 0; i < 100; ++i) {
    siblings.looked(core::format("f{}", i * 7919 % 100'000), false, now);
    asked += siblings.next(now).size();
  }
  EXPECT_EQ(asked, 0U);
}

}  // namespace
