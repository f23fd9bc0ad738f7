#include "cache/arena.h"

#include <gmock/gmock.h>

#include <cstring>
#include <vector>

namespace {

using cache::Arena;

constexpr std::size_t kBufferBytes = 128 * 1024;
constexpr std::uint64_t kMiB = 1 << 20;

class ArenaTest : public ::testing::Test {
 protected:
  std::vector<std::byte*> take(std::size_t count) {
    std::vector<std::byte*> buffers;
    for (std::size_t i = 0; i < count; ++i) {
      buffers.push_back(arena_.take());
      std::memset(buffers.back(), static_cast<int>(i), kBufferBytes);
    }
    return buffers;
  }
  void give_back(const std::vector<std::byte*>& buffers) {
    for (std::byte* buffer : buffers) {
      arena_.give_back(buffer);
    }
  }

  Arena arena_{kBufferBytes};
};

TEST_F(ArenaTest, BuffersAreUsedAgain) {
  const auto first = take(1);
  give_back(first);
  EXPECT_EQ(take(1), first);
  EXPECT_EQ(arena_.live_bytes(), kBufferBytes);
  EXPECT_EQ(arena_.resident_bytes(), 2 * kMiB);
}

TEST_F(ArenaTest, WhatNobodyNeededGoesBackButForAReserve) {
  give_back(take(512));
  EXPECT_EQ(arena_.resident_bytes(), 64 * kMiB);
  arena_.give_back_idle();
  EXPECT_EQ(arena_.resident_bytes(), 64 * kMiB) << "it was needed a moment ago";
  arena_.give_back_idle();
  EXPECT_EQ(arena_.resident_bytes(), 8 * kMiB);
  arena_.give_back_idle();
  EXPECT_EQ(arena_.resident_bytes(), 8 * kMiB);
}

TEST_F(ArenaTest, WhatIsInUseOrWasMeanwhileStays) {
  const auto held = take(128);
  give_back(take(256));
  arena_.give_back_idle();
  give_back(take(192));
  arena_.give_back_idle();
  EXPECT_EQ(arena_.resident_bytes(), 48 * kMiB - 64 * kBufferBytes);
  for (std::size_t i = 0; i < held.size(); ++i) {
    EXPECT_EQ(held[i][kBufferBytes - 1], static_cast<std::byte>(i));
  }
}

TEST_F(ArenaTest, WhatWentBackIsTakenAgainBeforeThereIsMore) {
  give_back(take(512));
  arena_.give_back_idle();
  arena_.give_back_idle();
  const auto again = take(512);
  EXPECT_EQ(arena_.resident_bytes(), 64 * kMiB);
  EXPECT_EQ(arena_.live_bytes(), 64 * kMiB);
  for (std::size_t i = 0; i < again.size(); ++i) {
    EXPECT_EQ(again[i][0], static_cast<std::byte>(i));
  }
}

}  // namespace
