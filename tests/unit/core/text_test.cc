#include "core/text.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
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

TEST(Log, EscapesWhatATerminalWouldObey) {
  const auto path = std::filesystem::temp_directory_path() / "stsfs-log-test";
  std::filesystem::remove(path);
  ASSERT_TRUE(core::open_log(core::LogLevel::Debug, core::LogTarget::File, path));
  core::log(core::LogLevel::Info, "event", {{"key", "a\x1b[31m\n\"b\""}, {"n", 7}});
  core::log(core::LogLevel::Trace, "too quiet to be heard");
  ASSERT_TRUE(core::open_log(core::LogLevel::Info, core::LogTarget::Stderr));
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_NE(text.str().find(R"(info event key="a\x1b[31m\x0a\"b\"" n=7)"), std::string::npos)
      << text.str();
  EXPECT_EQ(text.str().find("quiet"), std::string::npos);
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  std::filesystem::remove(path);
}

TEST(Log, RefusesAFileThatCannotBeOpened) {
  const auto opened =
      core::open_log(core::LogLevel::Info, core::LogTarget::File, "/nowhere/at/all");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, core::ErrorKind::NotFound);
  EXPECT_NE(opened.error().message.find("/nowhere/at/all"), std::string::npos);
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
