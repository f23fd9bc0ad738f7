#include "core/time.h"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;

const core::WallTime kMoment = core::wall_from_unix(1'672'223'261);

TEST(Time, SpellsAndReadsEveryForm) {
  EXPECT_EQ(core::format_http_date(kMoment), "Wed, 28 Dec 2022 10:27:41 GMT");
  EXPECT_EQ(core::parse_http_date("Wed, 28 Dec 2022 10:27:41 GMT"), kMoment);
  EXPECT_EQ(core::format_iso8601(kMoment), "2022-12-28T10:27:41Z");
  EXPECT_EQ(core::parse_iso8601("2022-12-28T10:27:41Z"), kMoment);
  EXPECT_EQ(core::parse_iso8601("2022-12-28T10:27:41.250Z"), kMoment + 250ms);
  EXPECT_EQ(core::format_compact(kMoment), "20221228T102741Z");
  EXPECT_EQ(core::parse_compact("20221228T102741Z"), kMoment);
}

class NotATime : public ::testing::TestWithParam<std::string_view> {};
TEST_P(NotATime, IsRefused) {
  EXPECT_FALSE(core::parse_http_date(GetParam()));
  EXPECT_FALSE(core::parse_iso8601(GetParam()));
  EXPECT_FALSE(core::parse_compact(GetParam()));
}
INSTANTIATE_TEST_SUITE_P(Hostile, NotATime,
                         ::testing::Values("", "Wed, 28 Foo 2022 10:27:41 GMT",
                                           "2022-13-28T10:27:41Z", "2022-12-28T25:27:41Z",
                                           "2022-02-30T10:27:41Z", "20221328T102741Z",
                                           "2022-12-28T10:27:41.Zx", "9999999999999999"));

TEST(Duration, TakesUnits) {
  EXPECT_EQ(core::parse_duration("30s"), 30s);
  EXPECT_EQ(core::parse_duration("1h30m"), 90min);
  EXPECT_EQ(core::parse_duration("250ms"), 250ms);
  EXPECT_EQ(core::parse_duration("900"), 900s);
  for (const auto* bad : {"", "s", "10x", "-1s", "1s garbage", "5 s"}) {
    EXPECT_FALSE(core::parse_duration(bad)) << bad;
  }
}

TEST(Size, TakesUnits) {
  EXPECT_EQ(core::parse_size("64MiB"), 64U << 20U);
  EXPECT_EQ(core::parse_size("100MB"), 100'000'000U);
  EXPECT_EQ(core::parse_size("100 k"), 102'400U);
  EXPECT_EQ(core::parse_size("7"), 7U);
  for (const auto* bad : {"", "MiB", "1X", "-1", "1e99999"}) {
    EXPECT_FALSE(core::parse_size(bad)) << bad;
  }
}

}  // namespace
