#include "core/digest.h"

#include <gtest/gtest.h>
#include <lzma.h>

#include <random>

namespace {

using core::as_bytes;
using core::crc64;

// Source: the OSS documentation and CRC-64/XZ's published check value.
TEST(Crc64, HasThePublishedValues) {
  EXPECT_EQ(crc64(as_bytes("")), 0U);
  EXPECT_EQ(crc64(as_bytes("123456789")), 11051210869376104954U);
  EXPECT_EQ(crc64(as_bytes("hello world")), 5981764153023615706U);
  EXPECT_EQ(crc64(as_bytes(std::string(1 << 20, '\0'))), 6947770692288575170U);
}

TEST(Crc64, CombinesAsIfTheBytesWereOne) {
  const auto sum = [](std::string_view text) { return crc64(as_bytes(text)); };
  EXPECT_EQ(core::crc64_combine(sum("hello "), sum("world"), 5), sum("hello world"));
  EXPECT_EQ(core::crc64_combine(sum("123"), sum("456789"), 6), sum("123456789"));
  EXPECT_EQ(core::crc64_combine(0, sum("abc"), 3), sum("abc"));
  EXPECT_EQ(core::crc64_combine(sum("abc"), sum(""), 0), sum("abc"));
}

TEST(Crc64, Chains) {
  EXPECT_EQ(crc64(as_bytes("world"), crc64(as_bytes("hello "))), crc64(as_bytes("hello world")));
}

TEST(Crc64, IsWhatSomebodyElseComputes) {
  std::mt19937_64 random(7);
  std::string text(300'000, '\0');
  for (char& c : text) {
    c = static_cast<char>(random());
  }
  const auto other = [](std::string_view part, std::uint64_t previous) {
    return lzma_crc64(reinterpret_cast<const std::uint8_t*>(part.data()), part.size(), previous);
  };
  for (int n = 0; n < 500; ++n) {
    const std::size_t from = random() % text.size();
    const std::size_t size = random() % (n < 300 ? 600 : text.size() - from);
    const std::string_view part = std::string_view(text).substr(from, size);
    const std::size_t cut = part.empty() ? 0 : random() % part.size();
    const std::uint64_t first = crc64(as_bytes(part.substr(0, cut)));
    const std::uint64_t second = crc64(as_bytes(part.substr(cut)));
    ASSERT_EQ(crc64(as_bytes(part)), other(part, 0)) << size;
    ASSERT_EQ(crc64(as_bytes(part.substr(cut)), first), other(part, 0)) << size;
    ASSERT_EQ(core::crc64_combine(first, second, part.size() - cut), other(part, 0)) << size;
  }
}

TEST(Base64, RoundTripsEveryLength) {
  for (std::size_t n = 0; n < 40; ++n) {
    const std::string raw(n, '\xfe');
    EXPECT_EQ(core::base64_decode(core::base64(raw)), raw) << n;
  }
  EXPECT_EQ(core::base64("hello"), "aGVsbG8=");
  EXPECT_FALSE(core::base64_decode("a").has_value());
  EXPECT_FALSE(core::base64_decode("a!==").has_value());
}

// RFC 2202 and RFC 4231, test case 2.
TEST(Hmac, HasThePublishedValues) {
  EXPECT_EQ(core::hex(core::hmac_sha1("Jefe", "what do ya want for nothing?")),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(core::hex(core::hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  // A key longer than a block is hashed first (RFC 4231, test case 6).
  EXPECT_EQ(core::hex(core::hmac_sha256(std::string(131, '\xaa'),
                                        "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
