#include <unistd.h>

#include "unit/cred/source_fixture.h"

namespace {

using namespace std::chrono_literals;
using test::FailedAs;
using test::kNotConfigured;
using test::kPermanent;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// --- file ------------------------------------------------------------------------------------

class FileTest : public test::SourceTest {
 protected:
  void write(const std::string& text, ::mode_t mode = 0600) const {
    SourceTest::write("credentials", text, mode);
  }
  cred::Fetched fetch(const std::string& profile = "default") { return source(profile)->fetch({}); }
  std::unique_ptr<cred::CredentialSource> source(const std::string& profile = "default") {
    cred::SourceSettings settings;
    settings.kind = cred::SourceKind::CredentialsFile;
    settings.credentials_file = path_;
    settings.profile = profile;
    settings.role.session_name = "stsfs-host";
    settings.role.duration = 15min;
    settings.sts = test::FakeCloud::sts();
    settings.metadata = test::FakeCloud::metadata();
    return *make(settings);
  }

  const std::string path_ = path("credentials");
};

TEST_F(FileTest, ReadsAnAccessKey) {
  write(
      "[default]\ntype = access_key   ; as the SDKs have it\naccess_key_id = LTAIx\n"
      "access_key_secret = canary\n[other]\naccess_key_id=LTAIy\naccess_key_secret=z\n");
  const auto lease = fetch();
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->credentials.access_key_id, "LTAIx");
  EXPECT_EQ(lease->credentials.access_key_secret, core::Secret("canary"));
  EXPECT_FALSE(lease->credentials.temporary());
  EXPECT_EQ(fetch("other")->credentials.access_key_id, "LTAIy");
}

TEST_F(FileTest, ReadsPlainKeysWithoutASection) {
  write("access_key_id=LTAIx\naccess_key_secret=canary\n");
  EXPECT_EQ(fetch()->credentials.access_key_id, "LTAIx");
}

// The parser's own limit is 200 bytes a line; a token is longer.
TEST_F(FileTest, ReadsALongTokenWithItsEnd) {
  const std::string token(4000, 'x');
  write("[default]\ntype = sts\naccess_key_id = STS.x\naccess_key_secret = s\nsecurity_token = " +
        token + "\nexpiration = " + core::format_iso8601(clock_.wall_now() + 1h) + "\n");
  const auto lease = fetch();
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->credentials.token, core::Secret(token));
  EXPECT_EQ(lease->expires, clock_.steady_now() + 1h);
  service_clock_.correct(clock_.wall_now() + 30min);  // the learnt offset counts
  EXPECT_EQ(fetch()->expires, clock_.steady_now() + 30min);
}

TEST_F(FileTest, IsReadAnewEveryTime) {
  write("access_key_id=one\naccess_key_secret=s\n");
  const auto file = source();
  EXPECT_EQ(file->fetch({})->credentials.access_key_id, "one");
  write("access_key_id=two\naccess_key_secret=s\n");
  EXPECT_EQ(file->fetch({})->credentials.access_key_id, "two");
}

TEST_F(FileTest, AbsenceIsNotConfigured) {
  EXPECT_THAT(fetch(), FailedAs(kNotConfigured));
  write("[other]\naccess_key_id=x\naccess_key_secret=s\n");
  EXPECT_THAT(fetch(), FailedAs(kNotConfigured));
  EXPECT_THAT(fetch("third").error().error.message, HasSubstr("no profile 'third'"));
}

TEST_F(FileTest, RefusesWhatOthersMayRead) {
  for (const ::mode_t mode : {0640U, 0604U, 0620U, 0677U}) {
    write("access_key_id=x\naccess_key_secret=canary\n", mode);
    const auto fetched = fetch();
    ASSERT_THAT(fetched, FailedAs(kPermanent));
    EXPECT_THAT(fetched.error().error.message, AllOf(HasSubstr("chmod 600"), HasSubstr(path_)));
  }
  write("access_key_id=x\naccess_key_secret=canary\n", 0400);
  EXPECT_TRUE(fetch());
}

TEST_F(FileTest, RefusesLinksFifosAndFolders) {
  ASSERT_EQ(::symlink("/etc/passwd", path_.c_str()), 0);
  EXPECT_THAT(fetch().error().error.message, HasSubstr("symbolic link"));
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(fetch(), FailedAs(kPermanent));  // and does not hang
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
  EXPECT_THAT(fetch(), FailedAs(kPermanent));
}

struct BadFile {
  const char* name;
  std::string text;
  const char* says;
};
std::ostream& operator<<(std::ostream& out, const BadFile& row) { return out << row.name; }
class BadFileTest : public FileTest, public ::testing::WithParamInterface<BadFile> {};
TEST_P(BadFileTest, IsRefusedByNameAndWithoutItsValues) {
  write(GetParam().text);
  const auto fetched = fetch();
  ASSERT_THAT(fetched, FailedAs(kPermanent));
  EXPECT_THAT(fetched.error().error.message,
              AllOf(HasSubstr(GetParam().says), HasSubstr(path_), Not(HasSubstr("canary"))));
}
INSTANTIATE_TEST_SUITE_P(
    Files, BadFileTest,
    ::testing::Values(
        BadFile{"NoSecret", "access_key_id=x\n", "secret is empty"},
        BadFile{"NoId", "access_key_secret=canary\n", "id is empty"},
        BadFile{"OtherType", "[default]\ntype=rsa_key_pair\n",
                "line 2: type 'rsa_key_pair' is not"},
        BadFile{"StsWithoutToken", "type=sts\naccess_key_id=x\naccess_key_secret=canary\n",
                "no security_token"},
        BadFile{"Garbage", "access_key_id=x\ncanary\n", "line 2"},
        BadFile{"BadExpiration",
                "access_key_id=x\naccess_key_secret=canary\nsts_token=canary\nexpiration=soon\n",
                "line 4: expiration is not"},
        BadFile{"Expired",
                "access_key_id=x\naccess_key_secret=canary\nsts_token=canary\n"
                "expiration=2020-01-01T00:00:00Z\n",
                "expired at 2020"},
        BadFile{"NoRole", "type=ram_role_arn\naccess_key_id=x\naccess_key_secret=canary\n",
                "role_arn is missing"},
        BadFile{"BadDuration",
                "type=ram_role_arn\nrole_arn=r\naccess_key_id=x\naccess_key_secret=canary\n"
                "duration_seconds = canary\n",
                "line 5: duration_seconds"},
        BadFile{"NoProvider", "type=oidc_role_arn\nrole_arn=r\n", "oidc_provider_arn is missing"},
        BadFile{"RelativeProcess", "credential_process = get-keys x\n", "absolute path"},
        BadFile{"NoUri", "type=credentials_uri\n", "credentials_uri is missing"},
        BadFile{"StrangeUri", "type=credentials_uri\ncredentials_uri=file:///etc/passwd\n",
                "no http:// or https:// URL"},
        BadFile{"NoJson", "{\"profiles\": [\n {\"name\": \"canary\n", "line 2 is no JSON"},
        BadFile{"NoProfiles", "{}", "no list of \"profiles\""},
        BadFile{"UnknownMode", R"({"profiles":[{"name":"default","mode":"CloudSSO"}]})",
                "profile 'default': mode 'CloudSSO' is not supported"},
        BadFile{"FieldOfOtherType",
                R"({"profiles":[{"name":"default","mode":"AK",)"
                R"("access_key_id":["canary"]}]})",
                "access_key_id is no text"},
        BadFile{"JsonWithoutSecret",
                R"({"profiles":[{"name":"default","mode":"AK","access_key_id":"x"}]})",
                "access_key_secret is missing"},
        BadFile{"StrangeDuration",
                R"({"profiles":[{"name":"default","mode":"RamRoleArn","ram_role_arn":"r",)"
                R"("access_key_id":"x","access_key_secret":"canary","expired_seconds":"soon"}]})",
                "expired_seconds is no number"},
        BadFile{"RelativeExternal",
                R"({"profiles":[{"name":"default","mode":"External","process_command":"acs x"}]})",
                "absolute path"},
        BadFile{"Circle",
                R"({"profiles":[{"name":"default","mode":"ChainableRamRoleArn","ram_role_arn":"r",)"
                R"("source_profile":"b"},{"name":"b","mode":"ChainableRamRoleArn",)"
                R"("ram_role_arn":"s","source_profile":"default"}]})",
                "circle: default -> b -> default"},
        BadFile{"NoSuchSource",
                R"({"profiles":[{"name":"default","mode":"ChainableRamRoleArn","ram_role_arn":"r",)"
                R"("source_profile":"gone"}]})",
                "no profile 'gone'"},
        BadFile{"DeepNesting", "{\"profiles\":" + std::string(30'000, '['), "is no JSON"},
        BadFile{"Huge", std::string(70UL * 1024, '#'), "64 KiB"}),
    [](const auto& row) { return std::string(row.param.name); });

// --- what profiles lead to -------------------------------------------------------------------

TEST_F(FileTest, EveryTypeOfAnIniProfileLeadsToItsSource) {
  write(
      "[role]\ntype = ram_role_arn\naccess_key_id = LTAIx\naccess_key_secret = canary\n"
      "role_arn = acs:ram::1:role/r\n"
      "[oidc]\ntype = oidc_role_arn\nrole_arn = acs:ram::1:role/r\noidc_provider_arn = p\n"
      "oidc_token_file = " +
      folder_.path() +
      "/token\n"
      "[ecs]\ntype = ecs_ram_role\nrole_name = web\n"
      "[uri]\ntype = credentials_uri\ncredentials_uri = http://127.0.0.1:8080/a?b=c\n"
      "[process]\ncredential_process = /bin/keys --for  me\n"
      "[off]\nenable = false\naccess_key_id = x\naccess_key_secret = y\n");
  SourceTest::write("token", "eyJ.a.b");
  programs_.then_prints(R"({"AccessKeyId":"printed","AccessKeySecret":"canary"})");
  EXPECT_TRUE(fetch("role"));
  EXPECT_EQ(cloud_.count("AssumeRole"), 1);
  EXPECT_TRUE(fetch("oidc"));
  EXPECT_EQ(cloud_.count("AssumeRoleWithOIDC"), 1);
  EXPECT_TRUE(fetch("ecs"));
  EXPECT_EQ(cloud_.count("GET credentials"), 1);
  EXPECT_TRUE(fetch("uri"));
  EXPECT_EQ(fetch("process")->credentials.access_key_id, "printed");
  EXPECT_THAT(programs_.orders.at(0).arguments, ElementsAre("/bin/keys", "--for", "me"));
  EXPECT_THAT(fetch("off"), FailedAs(kNotConfigured));
}

TEST_F(FileTest, EveryModeOfTheCliLeadsToItsSource) {
  SourceTest::write("token", "eyJ.a.b");
  write(R"({"current":"ak","profiles":[
    {"name":"ak","mode":"AK","access_key_id":"LTAIx","access_key_secret":"canary"},
    {"name":"sts","mode":"ststoken","access_key_id":"STS.x","access_key_secret":"canary",
     "sts_token":"canary","sts_expiration":)" +
        std::to_string(core::unix_seconds(clock_.wall_now()) + 600) + R"(},
    {"name":"role","mode":"RamRoleArn","access_key_id":"LTAIx","access_key_secret":"canary",
     "ram_role_arn":"acs:ram::1:role/r","ram_session_name":"s","expired_seconds":900,
     "sts_region":"cn-hangzhou"},
    {"name":"chain","mode":"ChainableRamRoleArn","ram_role_arn":"acs:ram::1:role/s",
     "source_profile":"role"},
    {"name":"ecs","mode":"EcsRamRole"},
    {"name":"oidc","mode":"OIDC","ram_role_arn":"acs:ram::1:role/r","oidc_provider_arn":"p",
     "oidc_token_file":")" +
        folder_.path() + R"(/token"},
    {"name":"uri","mode":"CredentialsURI","credentials_uri":"http://127.0.0.1:8080/"},
    {"name":"external","mode":"External","process_command":"/bin/keys me"}]})");
  programs_.then_prints(
      R"({"mode":"StsToken","access_key_id":"printed","access_key_secret":"canary",)"
      R"("sts_token":"canary"})");
  EXPECT_EQ(fetch("")->credentials.access_key_id, "LTAIx");  // the current one
  EXPECT_EQ(fetch("sts")->expires, clock_.steady_now() + 600s);
  EXPECT_TRUE(fetch("oidc"));
  EXPECT_TRUE(fetch("ecs"));
  EXPECT_TRUE(fetch("uri"));
  EXPECT_EQ(fetch("external")->credentials.access_key_id, "printed");
  EXPECT_THAT(fetch("gone"), FailedAs(kNotConfigured));
}

TEST_F(FileTest, RolesOfTheCliAreAssumedHopByHop) {
  write(R"({"profiles":[
    {"name":"role","mode":"RamRoleArn","access_key_id":"LTAIx","access_key_secret":"canary",
     "ram_role_arn":"acs:ram::1:role/r"},
    {"name":"default","mode":"ChainableRamRoleArn","ram_role_arn":"acs:ram::1:role/s",
     "source_profile":"role"}]})");
  const auto chain = source("");
  EXPECT_TRUE(chain->fetch({}));
  EXPECT_EQ(cloud_.count("AssumeRole"), 2);
  EXPECT_TRUE(chain->fetch({}));  // the first hop's session still lives
  EXPECT_EQ(cloud_.count("AssumeRole"), 3);
  chain->source_changed();
  EXPECT_TRUE(chain->fetch({}));
  EXPECT_EQ(cloud_.count("AssumeRole"), 5);
}

}  // namespace
