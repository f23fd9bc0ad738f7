#include "store/user_meta.h"

#include <gmock/gmock.h>

#include <array>

#include "store/object_store.h"
#include "support/results.h"

namespace store {
namespace {

using test::FailsWith;

TEST(UserMeta, IsRefusedWhenTheServiceWouldRefuseIt) {
  EXPECT_TRUE(
      check_user_meta({{"mode", "33188"}, {"x.y-z_0!", ""}, {"n", "100% \xfc"}}, "x-oss-meta-"));
  for (const char* name : {"", "Mode", "a b", "a:b", "ü"}) {
    const auto status = check_user_meta({{name, "1"}}, "x-oss-meta-");
    EXPECT_THAT(status, FailsWith(core::ErrorKind::InvalidArgument)) << name;
  }
  for (const char* value : {" x", "x ", "a\nb", "\x7f"}) {
    EXPECT_FALSE(check_user_meta({{"a", value}}, "x-oss-meta-")) << value;
  }
  const std::size_t room = kMaxUserMetaBytes - std::string_view("x-oss-meta-a").size();
  EXPECT_TRUE(check_user_meta({{"a", std::string(room, 'x')}}, "x-oss-meta-"));
  const auto status = check_user_meta({{"a", std::string(room + 1, 'x')}}, "x-oss-meta-");
  ASSERT_THAT(status, FailsWith(core::ErrorKind::TooLarge));
}

TEST(TextSource, ReadsFromAnyOffset) {
  const auto source = text_source("hello");
  std::array<std::byte, 4> buffer{};
  EXPECT_EQ(source->size(), 5U);
  EXPECT_EQ(source->read(3, buffer).value(), 2U);
  EXPECT_EQ(core::as_text(core::ByteView(buffer).first(2)), "lo");
  EXPECT_EQ(source->read(9, buffer).value(), 0U);
}

}  // namespace
}  // namespace store
