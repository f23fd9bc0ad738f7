#include "transfer/prefix_sums.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/bytes.h"
#include "core/digest.h"
#include "transfer/source_sum.h"

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

std::string filler(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    text[i] = static_cast<char>(i * 2654435761U >> 11U);
  }
  return text;
}

class PrefixSumsTest : public testing::Test {
 protected:
  void write(std::uint64_t offset, std::uint64_t size) {
    sums_.wrote(offset, core::as_bytes(text_).subspan(offset, size));
  }
  void expect_known(std::uint64_t first, std::uint64_t last) {
    const auto sum = sums_.of({first, last});
    ASSERT_TRUE(sum) << first << " to " << last;
    EXPECT_EQ(*sum, core::crc64(core::as_bytes(text_).subspan(first, last - first)));
  }

  std::string text_ = filler(5 * kMiB + 17);
  transfer::PrefixSums sums_;
};

TEST_F(PrefixSumsTest, TellsOfRangesAtWholeMebibytesAndOfTheEnd) {
  for (std::uint64_t at = 0; at < text_.size(); at += 300'000) {
    write(at, std::min<std::uint64_t>(300'000, text_.size() - at));
  }
  expect_known(0, 2 * kMiB);
  expect_known(kMiB, 4 * kMiB);
  expect_known(3 * kMiB, text_.size());
  expect_known(0, text_.size());
  EXPECT_EQ(sums_.of({0, kMiB + 1}), std::nullopt);
  EXPECT_EQ(sums_.of({1, kMiB}), std::nullopt);
  EXPECT_EQ(sums_.of({0, 6 * kMiB}), std::nullopt);
}

TEST_F(PrefixSumsTest, AGapEndsIt) {
  write(0, kMiB);
  write(2 * kMiB, kMiB);
  expect_known(0, kMiB);
  EXPECT_EQ(sums_.of({2 * kMiB, 3 * kMiB}), std::nullopt);
}

TEST_F(PrefixSumsTest, WhatIsWrittenAgainIsForgottenFromThere) {
  write(0, 4 * kMiB);
  text_[2 * kMiB + 5] ^= 1;
  write(2 * kMiB + 5, 1);
  expect_known(0, 2 * kMiB);
  EXPECT_EQ(sums_.of({2 * kMiB, 3 * kMiB}), std::nullopt);
  EXPECT_EQ(sums_.of({3 * kMiB, 4 * kMiB}), std::nullopt);
  write(2 * kMiB, 2 * kMiB);
  expect_known(kMiB, 4 * kMiB);
}

TEST_F(PrefixSumsTest, TruncationForgetsWhatIsGone) {
  write(0, 3 * kMiB);
  sums_.changed(kMiB + 1);
  expect_known(0, kMiB);
  EXPECT_EQ(sums_.of({0, 2 * kMiB}), std::nullopt);
  sums_.changed(0);
  EXPECT_EQ(sums_.of({0, kMiB}), std::nullopt);
}

/// Knows the sum of one range, and counts who reads.
class Knowing final : public store::Source {
 public:
  [[nodiscard]] std::uint64_t size() const override { return kMiB; }
  core::Result<std::size_t> read(std::uint64_t /*offset*/,
                                 std::span<std::byte> buffer) const override {
    ++reads;
    std::fill(buffer.begin(), buffer.end(), std::byte{0});
    return buffer.size();
  }
  [[nodiscard]] std::optional<std::uint64_t> known_crc64(model::ByteRange range) const override {
    return range.first == 0 ? std::optional<std::uint64_t>(7) : std::nullopt;
  }
  mutable int reads = 0;
};

TEST(SourceSum, ReadsOnlyWhatTheSourceDoesNotKnow) {
  const Knowing source;
  EXPECT_EQ(*transfer::source_sum(source, {0, 100}), 7U);
  EXPECT_EQ(source.reads, 0);
  const std::string zeros(100, '\0');
  EXPECT_EQ(*transfer::source_sum(source, {100, 200}), core::crc64(core::as_bytes(zeros)));
  EXPECT_EQ(source.reads, 1);
}

}  // namespace
