#include "core/text.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "core/log.h"
#include "core/os_error.h"
#include "core/secret.h"

namespace {

TEST(PercentEncoding, RoundTripsEveryByte) {
  std::string all;
  for (int c = 0; c < 256; ++c) {
    all += static_cast<char>(c);
  }
  EXPECT_EQ(core::percent_decode(core::percent_encode(all)), all);
  EXPECT_EQ(core::percent_encode("a b/ü+~"), "a%20b%2F%C3%BC%2B~");
  EXPECT_EQ(core::percent_encode("a b/c", true), "a%20b/c");
}

TEST(PercentEncoding, DecodesOnceAndLeavesNonsenseAlone) {
  EXPECT_EQ(core::percent_decode("a%252Fb"), "a%2Fb");
  EXPECT_EQ(core::percent_decode("100%"), "100%");
  EXPECT_EQ(core::percent_decode("%zz%4"), "%zz%4");
  EXPECT_EQ(core::percent_decode("a+b"), "a+b");
  EXPECT_EQ(core::percent_decode("a+b", true), "a b");
}

TEST(Secret, ComparesAndMovesWithoutLeavingACopy) {
  core::Secret first{"canary"};
  core::Secret second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): the point of the test
  EXPECT_EQ(second, core::Secret{"canary"});
  EXPECT_FALSE(second == core::Secret{"canarz"});
  static_assert(!std::is_constructible_v<core::LogField, std::string_view, core::Secret>);
  static_assert(!std::is_convertible_v<core::Secret, std::string>);
}

TEST(Error, GrowsOutwardAndTellsWhatTheServiceSaid) {
  core::Error error{core::ErrorKind::Denied, "AccessDenied",
                    core::Remote{403, "AccessDenied", "5C3D", "0003-00000001"}};
  error = std::move(error).within("GetObject a.txt");
  EXPECT_EQ(
      core::describe(error),
      "GetObject a.txt: AccessDenied (HTTP 403, AccessDenied, EC 0003-00000001, request 5C3D)");
}

}  // namespace
