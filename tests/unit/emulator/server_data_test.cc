#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "unit/emulator/server_fixture.h"

namespace emulator::wire {

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // the machine's own cleaning takes what is left
  std::filesystem::remove_all(path_, ignored);
}

namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class DataTest : public ServerTest {
 protected:
  void SetUp() override { restart(); }
  void restart() {
    Options options;
    options.data_dir = folder_.path();
    start(std::move(options));
  }
  [[nodiscard]] std::size_t files() const {
    const std::filesystem::directory_iterator all(folder_.path() + "/objects");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
  TemporaryFolder folder_;
};

TEST_F(DataTest, KeepsObjectsUploadsAndKeysOverARestart) {
  const std::string large(3'000'000, 'L');
  put("small", "s", {{"x-oss-meta-a", "1"}});
  put("large", large);
  put("copy", "", {{"x-oss-copy-source", "/examplebucket/large"}});
  put("gone", "x");
  call("DELETE", "gone", "");
  const std::string id = call("POST", "mp", "uploads").element("UploadId");
  call("PUT", "mp", "partNumber=1&uploadId=" + id, large);
  admin("POST", "/objects", R"({"bucket":"examplebucket","prefix":"many/","count":10,"size":5})");
  const Identity before = identity_;
  restart();
  EXPECT_EQ(identity_.access_key_secret, before.access_key_secret);
  EXPECT_EQ(get("small").header("x-oss-meta-a"), "1");
  EXPECT_EQ(get("large").body, large);
  call("DELETE", "large", "");
  EXPECT_EQ(get("copy").body, large);
  EXPECT_EQ(get("gone").status, 404);
  EXPECT_EQ(get("many/00000009").body.size(), 5U);
  EXPECT_EQ(call("POST", "mp", "uploadId=" + id, "", {{"x-oss-complete-all", "yes"}}).status, 200);
  EXPECT_EQ(get("mp").body, large);
}

TEST_F(DataTest, RemovesFilesThatNobodyNeeds) {
  put("a", std::string(100'000, 'x'));
  EXPECT_EQ(files(), 1U);
  put("a", std::string(100'000, 'y'));
  EXPECT_EQ(files(), 1U);
  std::ofstream(folder_.path() + "/objects/999") << "left behind by a crash";
  restart();
  EXPECT_EQ(files(), 1U);
  EXPECT_EQ(get("a").body, std::string(100'000, 'y'));
}

TEST_F(DataTest, WritesAnAppendDownOnce) {
  const std::string line(1000, 'a');
  std::string whole;
  for (int i = 0; i < 200; ++i) {
    call("POST", "log", core::format("append&position={}", whole.size()), line);
    whole += line;
  }
  EXPECT_LT(std::filesystem::file_size(folder_.path() + "/objects.log"), 3 * whole.size());
  restart();
  const WireAnswer answer = get("log");
  EXPECT_EQ(answer.body, whole);
  EXPECT_EQ(answer.header("x-oss-hash-crc64ecma"),
            std::to_string(core::crc64(core::as_bytes(whole))));
}

TEST_F(DataTest, IgnoresATornLastRecord) {
  put("a", "whole");
  put("b", "torn");
  server_.reset();
  const std::string log = folder_.path() + "/objects.log";
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 3);
  restart();
  EXPECT_EQ(get("a").body, "whole");
  EXPECT_EQ(get("b").status, 404);
  put("c", "after");
  restart();
  EXPECT_EQ(get("c").body, "after");
}

TEST_F(DataTest, RewritesALogThatIsMostlyOutdated) {
  {
    Wire connection(server_->oss_endpoint());
    WireRequest request;
    request.method = "PUT";
    request.key = "a";
    for (int i = 0; i < 1100; ++i) {
      request.body = std::to_string(i);
      connection.send(signed_bytes(identity_, request));
      ASSERT_EQ(connection.receive().status, 200);
    }
  }
  server_.reset();
  const auto before = std::filesystem::file_size(folder_.path() + "/objects.log");
  restart();
  EXPECT_LT(std::filesystem::file_size(folder_.path() + "/objects.log"), before / 100);
  EXPECT_EQ(get("a").body, "1099");
}

TEST_F(DataTest, IsAloneInItsFolder) {
  Options options;
  options.data_dir = folder_.path();
  const auto second = Emulator::start(options);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, core::ErrorKind::Busy);
}

TEST(ServerStart, WritesTheReadyFileAndRefusesAPortInUse) {
  TemporaryFolder folder;
  std::filesystem::create_directory(folder.path());
  Options options;
  options.ready_file = folder.path() + "/ready";
  const auto server = Emulator::start(options);
  ASSERT_TRUE(server.has_value());
  std::string line;
  std::getline(std::ifstream(options.ready_file), line);
  EXPECT_EQ(line, (*server)->ready_line());
  EXPECT_THAT(line, HasSubstr("\"oss_endpoint\":\"" + (*server)->oss_endpoint() + "\""));
  options.listen = (*server)->oss_endpoint().substr(7);
  const auto second = Emulator::start(options);
  ASSERT_FALSE(second.has_value());
  EXPECT_THAT(second.error().message, HasSubstr(options.listen));
}

}  // namespace
}  // namespace emulator::wire
