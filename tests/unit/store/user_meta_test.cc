#include "store/user_meta.h"

#include <gmock/gmock.h>

#include <array>

namespace store {
namespace {

TEST(MetaValue, KeepsPlainTextAndEscapesTheRest) {
  EXPECT_EQ(encode_meta_value("1700000000.5 ok"), "1700000000.5 ok");
  EXPECT_EQ(encode_meta_value("100%"), "100%25");
  EXPECT_EQ(encode_meta_value(" a b "), "%20a b%20");
  EXPECT_EQ(encode_meta_value("ü\r\n"), "%C3%BC%0D%0A");
  EXPECT_EQ(decode_meta_value("50% of it"), "50% of it");
}

TEST(MetaValue, RoundTripsEveryByte) {
  std::string value;
  for (int c = 0; c < 256; ++c) {
    value += static_cast<char>(c);
  }
  value += "%41%%20";
  EXPECT_EQ(decode_meta_value(encode_meta_value(value)), value);
}

TEST(UserMeta, IsRefusedWhenTheServiceWouldRefuseIt) {
  EXPECT_TRUE(check_user_meta({{"mode", "33188"}, {"x.y-z_0", ""}}, "x-oss-meta-"));
  for (const char* name : {"", "Mode", "a b", "a:b", "ü"}) {
    const auto status = check_user_meta({{name, "1"}}, "x-oss-meta-");
    ASSERT_FALSE(status) << name;
    EXPECT_EQ(status.error().kind, core::ErrorKind::InvalidArgument);
  }
  const std::size_t room = kMaxUserMetaBytes - std::string_view("x-oss-meta-a").size();
  EXPECT_TRUE(check_user_meta({{"a", std::string(room, 'x')}}, "x-oss-meta-"));
  const auto status = check_user_meta({{"a", std::string(room + 1, 'x')}}, "x-oss-meta-");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, core::ErrorKind::TooLarge);
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
