#include "model/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/results.h"

namespace {

using core::ErrorKind;
using model::KeyComponent;
using test::FailsWith;

struct Case {
  const char* label;
  std::string component;
  bool beside;
  std::string name;
};

class Mapping : public ::testing::TestWithParam<Case> {};

TEST_P(Mapping, GoesBothWays) {
  const KeyComponent component{GetParam().component, GetParam().beside};
  EXPECT_EQ(model::file_name(component), GetParam().name);
  const auto parsed = model::parse_file_name(GetParam().name);
  ASSERT_TRUE(parsed);
  ASSERT_TRUE(std::holds_alternative<KeyComponent>(*parsed));
  EXPECT_EQ(std::get<KeyComponent>(*parsed), component);
}

using namespace std::string_literals;
INSTANTIATE_TEST_SUITE_P(
    Components, Mapping,
    ::testing::Values(
        Case{"Plain", "report.txt", false, "report.txt"},
        Case{"Utf8", "\u4e2d\u6587", false, "\u4e2d\u6587"}, Case{"Percent", "%2F", false, "%2F"},
        Case{"Dots", "...", false, "..."}, Case{"ControlCharacter", "a\nb", false, "a\nb"},
        Case{"Longest", std::string(255, 'n'), false, std::string(255, 'n')},
        Case{"Empty", "", false, ".stsfs-name."}, Case{"Dot", ".", false, ".stsfs-name.%2E"},
        Case{"DotDot", "..", false, ".stsfs-name.%2E%2E"},
        Case{"Nul", "a\0b"s, false, ".stsfs-name.a%00b"},
        Case{"RawBytesInAKey", "\xff\xfe", false, ".stsfs-name.%FF%FE"},
        Case{"Reserved", ".stsfs-name.x", false, ".stsfs-name..stsfs-name.x"},
        Case{"BesideADirectory", "a", true, ".stsfs-file.a"},
        Case{"MarkerContent", "", true, ".stsfs-file."},
        Case{"NameThatIsNotUtf8", ".stsfs-bytes.bad%FF%FE", false, "bad\xff\xfe"},
        Case{"NotOurBytes", ".stsfs-bytes.good", false, ".stsfs-name..stsfs-bytes.good"},
        Case{"BytesWithSlash", ".stsfs-bytes.%FF%2F", false,
             ".stsfs-name..stsfs-bytes.%25FF%252F"}),
    [](const auto& row) { return std::string(row.param.label); });

TEST(Names, LongComponentsKeepTheirHeadAndAreToldApart) {
  const std::string one = std::string(300, 'k') + "1";
  const std::string two = std::string(300, 'k') + "2";
  const std::string name = model::file_name({one, false});
  EXPECT_LE(name.size(), 255U);
  EXPECT_NE(name, model::file_name({two, false}));
  EXPECT_NE(name, model::file_name({one, true}));
  const auto parsed = model::parse_file_name(name);
  ASSERT_TRUE(parsed);
  ASSERT_TRUE(std::holds_alternative<model::LongName>(*parsed));
  EXPECT_EQ(std::get<model::LongName>(*parsed).head, std::string(200, 'k'));
}

TEST(Names, LongHeadEndsAtACharacter) {
  std::string text = "x";
  while (text.size() < 400) {
    text += "\u4e2d";
  }
  EXPECT_TRUE(model::is_utf8(model::file_name({text, false})));
}

TEST(Names, RefusesWhatCannotBeAName) {
  const auto kind = [](std::string_view name) { return model::parse_file_name(name).error().kind; };
  EXPECT_EQ(kind(std::string(256, 'y')), ErrorKind::NameTooLong);
  EXPECT_EQ(kind("."), ErrorKind::InvalidArgument);
  EXPECT_EQ(kind(""), ErrorKind::InvalidArgument);
  EXPECT_EQ(kind("a/b"), ErrorKind::InvalidArgument);
  EXPECT_EQ(kind(".stsfs-other"), ErrorKind::InvalidArgument);
  EXPECT_EQ(kind(".stsfs-name.legal"), ErrorKind::InvalidArgument) << "has a plain name";
  EXPECT_EQ(kind(".stsfs-name.%2e"), ErrorKind::InvalidArgument) << "not as we spell it";
  EXPECT_EQ(kind(".stsfs-\xff"), ErrorKind::InvalidArgument);
}

TEST(Names, ChecksKeys) {
  EXPECT_TRUE(model::check_key(model::ObjectKey(std::string(1023, 'a'))));
  EXPECT_THAT(model::check_key(model::ObjectKey(std::string(1024, 'a'))),
              FailsWith(ErrorKind::NameTooLong));
  EXPECT_THAT(model::check_key(model::ObjectKey("/a")), FailsWith(ErrorKind::InvalidArgument));
  EXPECT_THAT(model::check_key(model::ObjectKey("\\a")), FailsWith(ErrorKind::InvalidArgument));
}

TEST(Utf8, FollowsRfc3629) {
  for (const char* good : {"", "a", "\u00e9", "\u4e2d", "\U0001f600", "\xef\xbf\xbf"}) {
    EXPECT_TRUE(model::is_utf8(good)) << good;
  }
  for (const char* bad :
       {"\xff", "\xc3\x28", "\xed\xa0\x80", "\xc0\xaf", "\xe4\xb8", "\xf4\x90\x80\x80"}) {
    EXPECT_FALSE(model::is_utf8(bad));
  }
}

}  // namespace
