#include "model/meta_text.h"

#include <gtest/gtest.h>

namespace model {
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

}  // namespace
}  // namespace model
