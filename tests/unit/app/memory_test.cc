#include "app/memory.h"

#include <gmock/gmock.h>

#include <map>

#include "app/command_line.h"
#include "support/results.h"

namespace app {
namespace {

using test::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
constexpr std::uint64_t kGiB = 1024 * kMiB;

ReadFile files(std::map<std::string, std::string> content) {
  return [content = std::move(content)](const std::string& path) {
    const auto at = content.find(path);
    return at == content.end() ? std::nullopt : std::optional(at->second);
  };
}

std::uint64_t in_all(const MemoryShares& shares) {
  return shares.blocks + shares.written + shares.names + shares.nodes + shares.objects +
         shares.pages;
}

TEST(Memory, ALimitIsDividedWithRoomForTheProgram) {
  for (const std::uint64_t limit : {64 * kMiB, 128 * kMiB, 200 * kMiB, kGiB, 64 * kGiB}) {
    const auto shares = divide_memory(limit, std::nullopt);
    ASSERT_THAT(shares, IsOk());
    EXPECT_EQ(shares->limit, limit);
    EXPECT_LE(in_all(*shares), limit - 32 * kMiB);
    EXPECT_GE(in_all(*shares), limit - 33 * kMiB) << "nothing is left lying";
    EXPECT_GE(shares->blocks, 16 * kMiB);
    EXPECT_GE(shares->pages, kMiB);
  }
  EXPECT_EQ(divide_memory(128 * kMiB, std::nullopt)->blocks, 48 * kMiB);
  EXPECT_GE(divide_memory(kGiB, std::nullopt)->names, 150 * kMiB)
      << "a bucket of a million objects";
}

TEST(Memory, BlocksMayBeToldAsFarAsOthersHaveEnough) {
  const auto shares = divide_memory(128 * kMiB, 72 * kMiB);
  ASSERT_THAT(shares, IsOk());
  EXPECT_EQ(shares->blocks, 72 * kMiB);
  EXPECT_EQ(shares->written, 8 * kMiB);
  EXPECT_EQ(shares->names, 16 * kMiB / 3);
  const auto refused = divide_memory(128 * kMiB, 73 * kMiB);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("--cache-size 73.0 MiB"), HasSubstr("--memory-limit 128.0 MiB"),
                    HasSubstr("at most 72.0 MiB")));
}

TEST(Memory, TheDefaultIsAQuarterOfWhatThereIs) {
  EXPECT_EQ(default_memory_limit(2 * kGiB, std::nullopt), 512 * kMiB);
  EXPECT_EQ(default_memory_limit(64 * kGiB, std::nullopt), kGiB);
  EXPECT_EQ(default_memory_limit(64 * kGiB, 600 * kMiB), 150 * kMiB);
  EXPECT_EQ(default_memory_limit(2 * kGiB, 64 * kGiB), 512 * kMiB);
  EXPECT_EQ(default_memory_limit(100 * kMiB, std::nullopt), 64 * kMiB);
}

TEST(Memory, AGroupsLimitIsTheLeastOfThoseAbove) {
  const std::string root = "/sys/fs/cgroup";
  EXPECT_EQ(group_memory_limit(files({{"/proc/self/cgroup", "0::/a/b\n"},
                                      {root + "/a/b/memory.max", "max\n"},
                                      {root + "/a/memory.max", "1048576\n"},
                                      {root + "/memory.max", "2097152\n"}})),
            1048576);
  EXPECT_EQ(group_memory_limit(
                files({{"/proc/self/cgroup", "0::/\n"}, {root + "/memory.max", "2097152\n"}})),
            2097152)
      << "a container that sees its own group as the root";
  EXPECT_EQ(group_memory_limit(
                files({{"/proc/self/cgroup", "0::/a\n"}, {root + "/a/memory.max", "max\n"}})),
            std::nullopt);
  EXPECT_EQ(group_memory_limit(files({})), std::nullopt);
}

TEST(Memory, GroupsOfVersionOneAreUnderstood) {
  const std::string root = "/sys/fs/cgroup/memory";
  const std::string groups = "5:cpu,cpuacct:/x\n4:hugetlb,memory:/docker/1\n0::/\n";
  EXPECT_EQ(group_memory_limit(files({{"/proc/self/cgroup", groups},
                                      {root + "/docker/1/memory.limit_in_bytes", "4096\n"}})),
            4096);
  EXPECT_EQ(group_memory_limit(files(
                {{"/proc/self/cgroup", groups}, {root + "/memory.limit_in_bytes", "8192\n"}})),
            8192)
      << "a container that does not see the path it has outside";
}

TEST(Memory, ResidentMemoryIsWhatTheSystemCounts) {
  EXPECT_EQ(resident_bytes(files({{"/proc/self/statm", "1000 25 3 1 0 9 0\n"}})) % 25, 0U);
  EXPECT_GE(resident_bytes(files({{"/proc/self/statm", "1000 25 3 1 0 9 0\n"}})), 25U * 4096);
  EXPECT_EQ(resident_bytes(files({})), 0U);
  EXPECT_GT(resident_bytes(), kMiB);
}

core::Result<MemoryShares> shares_of(std::vector<std::string> words) {
  words.insert(words.begin(), {"stsfs", "mount", "oss://bkt", "/mnt"});
  const auto invocation = parse_command_line(words, {});
  if (!invocation) {
    return invocation.error();
  }
  return memory_shares(invocation->values, 64 * kGiB, 1200 * kMiB);
}

TEST(Memory, OptionsSayTheLimitAndThePartForBlocks) {
  EXPECT_EQ(shares_of({})->limit, 300 * kMiB);
  EXPECT_EQ(shares_of({"--memory-limit", "128MiB"})->limit, 128 * kMiB);
  EXPECT_EQ(shares_of({"--memory-limit", "128MiB", "--cache-size", "64MiB"})->blocks, 64 * kMiB);
  EXPECT_EQ(shares_of({"--cache-size", "64MiB"})->limit, 300 * kMiB);
  const auto told = shares_of({"--cache-size", "1GiB"});
  ASSERT_THAT(told, IsOk()) << "the limit is what that takes";
  EXPECT_EQ(told->blocks, kGiB);
  EXPECT_GT(told->limit, kGiB + 32 * kMiB);
}

TEST(Memory, OptionsThatCannotBeAreRefused) {
  const auto little = shares_of({"--memory-limit", "63MiB"});
  ASSERT_FALSE(little);
  EXPECT_THAT(little.error().message, AllOf(HasSubstr("--memory-limit"), HasSubstr("64MiB")));
  const auto both = shares_of({"--memory-limit", "128MiB", "--cache-size", "192MiB"});
  ASSERT_FALSE(both);
  EXPECT_THAT(both.error().message, AllOf(HasSubstr("--memory-limit"), HasSubstr("--cache-size")));
}

}  // namespace
}  // namespace app
