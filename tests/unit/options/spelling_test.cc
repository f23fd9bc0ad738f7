#include "options/spelling.h"

#include <gtest/gtest.h>

namespace options {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Spelling, TakesTheLargestUnitThatLeavesNoRest) {
  EXPECT_EQ(size_text(0), "0");
  EXPECT_EQ(size_text(1000), "1000");
  EXPECT_EQ(size_text(192ULL << 20U), "192MiB");
  EXPECT_EQ(size_text(1ULL << 30U), "1GiB");
  EXPECT_EQ(duration_text(seconds{0}), "0s");
  EXPECT_EQ(duration_text(seconds{90}), "90s");
  EXPECT_EQ(duration_text(seconds{900}), "15m");
  EXPECT_EQ(duration_text(milliseconds{1500}), "1500ms");
  EXPECT_EQ(mode_text(0644), "0644");
  EXPECT_EQ(mode_text(0), "0000");
}

TEST(Spelling, IsReadBackAsTheSame) {
  for (const std::uint64_t bytes : {0ULL, 1ULL, 1023ULL, 1024ULL, 3ULL << 40U, (5ULL << 30U) + 1}) {
    EXPECT_EQ(core::parse_size(size_text(bytes)), bytes);
  }
  for (const int count : {0, 1, 999, 1000, 61'000, 3'600'000, 3'600'001}) {
    EXPECT_EQ(core::parse_duration(duration_text(milliseconds{count})), milliseconds{count});
  }
}

}  // namespace
}  // namespace options
