#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "unit/emulator/server_fixture.h"

namespace emulator::wire {
namespace {

/// Ann may list as `condition` says, and do nothing else.
class ServerRights : public ServerTest {
 protected:
  void admit_listing(const std::string& condition) {
    std::filesystem::create_directories(folder_.path());
    Options options;
    options.authority.config_file = folder_.path() + "/config.json";
    std::ofstream(options.authority.config_file)
        << R"({"users":[{"name":"ann","access_key_id":"ann","access_key_secret":"secret",
               "policies":[{"Version":"1","Statement":[{"Effect":"Allow",
               "Action":"oss:ListObjects","Resource":"acs:oss:*:*:examplebucket",
               "Condition":)"
        << condition << "}]}]}]}";
    start(std::move(options));
    identity_.access_key_id = "ann";
    identity_.access_key_secret = "secret";
  }
  int lists(const std::string& query) { return call("GET", "", query).status; }

  TemporaryFolder folder_;
};

TEST_F(ServerRights, ListingsOfBothKindsAreOneRightNarrowedByPrefix) {
  admit_listing(R"({"StringLike":{"oss:Prefix":["a/*"]}})");
  EXPECT_EQ(lists("prefix=a/"), 200);
  EXPECT_EQ(lists("list-type=2&prefix=a%2Fdeep%2F&delimiter=/"), 200);
  EXPECT_EQ(lists("list-type=2&prefix=b/"), 403);
  EXPECT_EQ(lists("prefix=a"), 403);
  EXPECT_EQ(lists("list-type=2"), 403);
  EXPECT_EQ(lists("versions&prefix=a/"), 403) << "a right of its own";
}

TEST_F(ServerRights, AListingWithoutAPrefixHasTheEmptyOne) {
  admit_listing(R"({"StringEquals":{"oss:Prefix":["","a/"],"oss:Delimiter":"/"}})");
  EXPECT_EQ(lists("delimiter=/"), 200);
  EXPECT_EQ(lists("list-type=2&prefix=&delimiter=%2F"), 200);
  EXPECT_EQ(lists("list-type=2&prefix=a/&delimiter=/"), 200);
  EXPECT_EQ(lists("list-type=2&prefix=a/"), 403) << "all of a/, not one level";
  EXPECT_EQ(lists("prefix=a/b/&delimiter=/"), 403);
}

}  // namespace
}  // namespace emulator::wire
