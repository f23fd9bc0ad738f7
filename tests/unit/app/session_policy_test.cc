// What --session-policy makes of a mount.
#include <gmock/gmock.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "app/command_line.h"
#include "app/settings.h"

namespace app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SessionPolicyOption : public ::testing::Test {
 protected:
  SessionPolicyOption() {
    char name[] = "/tmp/stsfs-policy-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~SessionPolicyOption() override { std::filesystem::remove_all(directory_); }
  [[nodiscard]] std::string file(const std::string& text) const {
    std::ofstream(directory_ + "/policy.json") << text;
    return directory_ + "/policy.json";
  }
  static core::Result<MountSettings> mount(const std::string& source, const std::string& policy) {
    const auto invocation =
        parse_command_line({"stsfs", "mount", source, "/mnt/x", "--region", "r", "--role-arn",
                            "acs:ram::1:role/x", "--session-policy", policy},
                           {});
    EXPECT_TRUE(invocation);
    return mount_settings(invocation->values, {});
  }
  std::string directory_;
};

TEST_F(SessionPolicyOption, TakesAFileAndSendsItCompact) {
  const auto settings = mount("oss://b-1", file("{\n  \"Statement\": [] }"));
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->service.source.role.policy, R"({"Statement":[]})");
  EXPECT_EQ(mount("oss://b-1", "none")->service.source.role.policy, "");
}

TEST_F(SessionPolicyOption, RefusesWhatStsWouldNotTake) {
  const std::string path = file("{ oops");
  EXPECT_THAT(mount("oss://b-1", path).error().message, HasSubstr(path));
  EXPECT_THAT(mount("oss://b-1/" + std::string(1000, 'p'), "auto").error().message,
              AllOf(HasSubstr("2048"), HasSubstr("shorter prefix")));
  EXPECT_TRUE(mount("oss://b-1/" + std::string(800, 'p'), "auto"));
  EXPECT_THAT(mount("oss://b-1/\xff", "auto").error().message, HasSubstr("UTF-8"));
  EXPECT_THAT(mount("oss://b-1/" + std::string(1022, 'p'), "none").error().message,
              HasSubstr("no room"));
}

}  // namespace
}  // namespace app
