#include "model/posix_meta.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/results.h"

namespace {

using model::PosixMeta;
using test::FailsWith;

TEST(PosixMeta, SurvivesAsUserMetadata) {
  PosixMeta meta;
  meta.mode = S_IFREG | 04750;
  meta.uid = 1234;
  meta.gid = 4294967294U;
  meta.modified = core::wall_from_unix(1700000000, 123456789);
  meta.accessed = core::wall_from_unix(-1, 5);
  meta.changed = core::wall_from_unix(0);
  meta.device = 0x0103;
  meta.symlink_target = "../\u4e2d %/x";
  meta.xattrs = {{"user.a\"b\\", std::string("\0\xff", 2)}, {"user.empty", ""}};
  const auto made = model::with_posix_meta({{"other", "kept"}, {"mode", "old"}}, meta);
  ASSERT_TRUE(made);
  const model::UserMeta& user = *made;
  EXPECT_EQ(user.at("other"), "kept");
  EXPECT_EQ(user.at("mode"), "35304");
  EXPECT_EQ(user.at("mtime"), "1700000000.123456789");
  EXPECT_EQ(user.at("symlink-target"), "../%E4%B8%AD %25/x");
  EXPECT_EQ(model::parse_posix_meta(user), meta);
}

TEST(PosixMeta, ReadsWhatS3fsWrote) {
  const auto meta = model::parse_posix_meta({{"mode", "33188"},
                                             {"uid", "1000"},
                                             {"gid", "1000"},
                                             {"mtime", "1700000000"},
                                             {"xattr", "{\"user.k\":\"dmFsdWU=\"}"}});
  EXPECT_EQ(meta.mode, mode_t{S_IFREG | 0644});
  EXPECT_EQ(meta.modified, core::wall_from_unix(1700000000));
  EXPECT_THAT(meta.xattrs,
              ::testing::ElementsAre(std::pair<const std::string, std::string>("user.k", "value")));
}

TEST(PosixMeta, ReadsAnyJsonOfThatForm) {
  const auto xattrs_of = [](const char* text) {
    return model::parse_posix_meta({{"xattr", text}}).xattrs;
  };
  using Xattrs = std::map<std::string, std::string>;
  EXPECT_EQ(xattrs_of("%7B%22user.k%22%3A%22dmFsdWU%3D%22%7D"), (Xattrs{{"user.k", "value"}}));
  EXPECT_EQ(xattrs_of(R"({ "user.\u00fc\ud83d\ude00\/" : "" })"), (Xattrs{{"user.ü😀/", ""}}));
  EXPECT_EQ(xattrs_of("{}"), Xattrs{});
}

TEST(PosixMeta, RemovesWhatIsNotSet) {
  const auto user = model::with_posix_meta({{"xattr", "x"}, {"rdev", "1"}}, PosixMeta{});
  ASSERT_TRUE(user);
  EXPECT_TRUE(user->empty());
}

TEST(PosixMeta, WhatCouldNotBeReadIsNeverDropped) {
  const model::UserMeta foreign = {
      {"mode", "rw-r--r--"}, {"mtime", "2020-01-01T00:00:00Z"}, {"xattr", "{\"user.a\":1}"}};
  PosixMeta meta = model::parse_posix_meta(foreign);
  EXPECT_THAT(meta.unread, ::testing::ElementsAre("mode", "mtime", "xattr"));
  meta.uid = 7;
  meta.modified = core::wall_from_unix(5);
  auto user = model::with_posix_meta(foreign, meta);
  ASSERT_TRUE(user);
  EXPECT_EQ(user->at("uid"), "7");
  user->erase("uid");
  EXPECT_EQ(*user, foreign);
  meta.unread.erase("mtime");  // which a program has set
  EXPECT_EQ(model::with_posix_meta(foreign, meta)->at("mtime"), "5.000000000");
  // Both forms cannot be in one entry.
  meta.xattrs = {{"user.b", "x"}};
  EXPECT_THAT(model::with_posix_meta(foreign, meta), FailsWith(core::ErrorKind::Unsupported));
}

TEST(PosixMeta, RefusesNamesThatJsonCannotCarry) {
  PosixMeta meta;
  meta.xattrs = {{"user.\xff", "x"}};
  EXPECT_THAT(model::with_posix_meta({}, meta), FailsWith(core::ErrorKind::InvalidArgument));
}

TEST(PosixMeta, IgnoresWhatMakesNoSense) {
  const auto meta = model::parse_posix_meta({{"mode", "rw"},
                                             {"uid", "-1"},
                                             {"gid", ""},
                                             {"mtime", "yesterday"},
                                             {"ctime", "99999999999999999999"},
                                             {"xattr", "{\"a\""}});
  PosixMeta nothing;
  nothing.unread = {"mode", "uid", "gid", "mtime", "ctime", "xattr"};
  EXPECT_EQ(meta, nothing);
}

TEST(Mode, DecimalOrOctalByWhatMakesSense) {
  EXPECT_EQ(model::parse_mode("33188"), mode_t{S_IFREG | 0644});
  EXPECT_EQ(model::parse_mode("16877"), mode_t{S_IFDIR | 0755});
  EXPECT_EQ(model::parse_mode("100644"), mode_t{S_IFREG | 0644});
  EXPECT_EQ(model::parse_mode("40755"), mode_t{S_IFDIR | 0755});
  EXPECT_EQ(model::parse_mode("0600"), mode_t{0600});
  EXPECT_EQ(model::parse_mode("8"), mode_t{8});
  EXPECT_EQ(model::parse_mode("99999999"), std::nullopt);
}

TEST(Timestamp, TakesAnyFraction) {
  EXPECT_EQ(model::parse_timestamp("5.5"), core::wall_from_unix(5, 500'000'000));
  EXPECT_EQ(model::parse_timestamp("5.1234567891"), core::wall_from_unix(5, 123'456'789));
  EXPECT_EQ(model::parse_timestamp("5.x"), std::nullopt);
  EXPECT_EQ(model::parse_timestamp(""), std::nullopt);
}

TEST(Access, FollowsTheClassThatAppliesFirst) {
  EXPECT_TRUE(model::access_allowed(0640, 1, 2, 1, 9, R_OK | W_OK));
  EXPECT_TRUE(model::access_allowed(0640, 1, 2, 8, 2, R_OK));
  EXPECT_FALSE(model::access_allowed(0640, 1, 2, 8, 2, W_OK));
  EXPECT_FALSE(model::access_allowed(0640, 1, 2, 8, 9, R_OK));
  EXPECT_FALSE(model::access_allowed(0077, 1, 2, 1, 2, R_OK)) << "the owner's class says no";
  EXPECT_TRUE(model::access_allowed(0000, 1, 2, 0, 0, R_OK | W_OK));
}

}  // namespace
