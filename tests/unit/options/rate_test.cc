#include "options/rate.h"

#include <gmock/gmock.h>

namespace options {
namespace {

TEST(Rate, CountsBytesOrBits) {
  EXPECT_EQ(*parse_rate("100KiB/s"), 100U << 10U);
  EXPECT_EQ(*parse_rate("100KiB"), 100U << 10U);
  EXPECT_EQ(*parse_rate("819200bit/s"), 100U << 10U);
  EXPECT_EQ(*parse_rate(""), 0U);
  EXPECT_FALSE(parse_rate("0/s"));
  EXPECT_FALSE(parse_rate("bit/s"));
  EXPECT_FALSE(parse_rate("1e9"));
}

}  // namespace
}  // namespace options
