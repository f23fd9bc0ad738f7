#include "app/settings.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/exit_code.h"
#include "app/places.h"
#include "cred/refresher.h"

namespace app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using Variables = std::map<std::string, std::string>;

core::Result<MountSettings> settings_of(std::vector<std::string> words,
                                        const options::Environment& environment = {}) {
  words.insert(words.begin(), {"stsfs", "mount"});
  const auto invocation = parse_command_line(words, environment);
  if (!invocation) {
    return invocation.error();
  }
  return mount_settings(invocation->values, environment);
}

std::string refusal(const std::vector<std::string>& words) {
  const auto settings = settings_of(words);
  EXPECT_FALSE(settings);
  return settings ? std::string() : settings.error().message;
}

TEST(Location, IsUnderstoodInEverySpelling) {
  const struct {
    const char* source;
    const char* bucket;
    const char* prefix;
  } kRows[] = {
      {"oss://bucket", "bucket", ""},
      {"oss://bucket/", "bucket", ""},
      {"oss://bucket/a/b", "bucket", "a/b/"},
      {"oss://bucket/a/b/", "bucket", "a/b/"},
      {"bucket", "bucket", ""},
      {"bucket:/", "bucket", ""},
      {"bucket:/a", "bucket", "a/"},
      {"bucket:", "bucket", ""},
      {"oss://bucket/a b+c", "bucket", "a b+c/"},
  };
  for (const auto& row : kRows) {
    const auto location = parse_location(row.source);
    ASSERT_TRUE(location) << row.source;
    EXPECT_EQ(location->bucket, row.bucket) << row.source;
    EXPECT_EQ(location->prefix, row.prefix) << row.source;
  }
  EXPECT_EQ(parse_location("bucket:/a/b")->text(), "oss://bucket/a/b");
}

TEST(Location, RefusesWhatIsNoBucket) {
  for (const char* source : {"", "oss://", "oss:///a", "http://bucket", "Bucket", "b", "a_b_c"}) {
    EXPECT_FALSE(parse_location(source)) << source;
  }
  EXPECT_FALSE(parse_location("oss://www.example.com"));
  EXPECT_FALSE(parse_location("gs://bucket"));
}

TEST(Location, OfS3HasItsOwnNames) {
  const auto location = parse_location("s3://www.example.com/a/b");
  ASSERT_TRUE(location);
  EXPECT_EQ(location->dialect, oss::Dialect::S3);
  EXPECT_EQ(location->text(), "s3://www.example.com/a/b");
  EXPECT_EQ(parse_location("oss://bucket")->dialect, oss::Dialect::Oss);
  EXPECT_EQ(&parse_location("s3://b-1")->grammar(), &policy::iam_grammar());
  EXPECT_EQ(&parse_location("oss://b-1")->grammar(), &policy::ram_grammar());
}

TEST(Settings, OfS3FollowAwsWhereNothingIsSaid) {
  const auto plain = settings_of({"s3://bkt", "/mnt"});
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->service.store.dialect, oss::Dialect::S3);
  EXPECT_EQ(plain->service.endpoint_text, "https://s3.us-east-1.amazonaws.com");
  const auto abroad = settings_of({"s3://bkt", "/mnt"},
                                  options::Environment(Variables{{"AWS_REGION", "cn-north-1"}}));
  ASSERT_TRUE(abroad);
  EXPECT_EQ(abroad->service.endpoint_text, "https://s3.cn-north-1.amazonaws.com.cn");
  const auto own =
      settings_of({"s3://bkt", "/mnt"},
                  options::Environment(Variables{{"AWS_ENDPOINT_URL", "http://127.0.0.1:7480"}}));
  ASSERT_TRUE(own);
  EXPECT_EQ(own->service.store.endpoint.port, 7480);
  EXPECT_EQ(own->service.store.region, "us-east-1");
  EXPECT_EQ(settings_of({"s3://bkt", "/mnt", "--endpoint", "https://s3.eu-west-1.amazonaws.com"})
                ->service.store.region,
            "eu-west-1");
  EXPECT_THAT(refusal({"s3://bkt", "/mnt", "--sign-version", "v1"}), HasSubstr("v4 alone"));
}

TEST(Settings, AreWhatTheRoomsSayWhereNoOptionIsGiven) {
  const auto settings = settings_of({"oss://b-1", "/mnt/x", "--region", "r"});
  ASSERT_TRUE(settings) << describe(settings.error());
  const fs::Options files;
  EXPECT_EQ(settings->files.attributes, files.attributes);
  EXPECT_EQ(settings->files.metadata_lifetime, files.metadata_lifetime);
  EXPECT_EQ(settings->files.umask, files.umask);
  EXPECT_EQ(settings->files.file_mode, files.file_mode);
  EXPECT_EQ(settings->files.directory_mode, files.directory_mode);
  EXPECT_EQ(settings->files.signed_url_lifetime, files.signed_url_lifetime);
  const transfer::DownloadOptions downloads;
  EXPECT_EQ(settings->downloads.window_bytes, downloads.window_bytes);
  EXPECT_EQ(settings->downloads.connections, downloads.connections);
  const transfer::UploadOptions uploads;
  EXPECT_EQ(settings->uploads.connections, uploads.connections);
  EXPECT_EQ(settings->uploads.multipart_threshold_bytes, uploads.multipart_threshold_bytes);
  EXPECT_EQ(settings->uploads.part_bytes, uploads.part_bytes);
  const oss::Options store;
  EXPECT_EQ(settings->service.store.retry.attempts, store.retry.attempts);
  EXPECT_EQ(settings->service.store.patience.connect, store.patience.connect);
  EXPECT_EQ(settings->service.store.patience.idle, store.patience.idle);
  EXPECT_EQ(settings->service.store.addressing, store.addressing);
  EXPECT_EQ(settings->service.store.signing, store.signing);
  EXPECT_EQ(settings->service.credential_wait, cred::RefresherOptions().credential_wait);
  EXPECT_EQ(settings->service.source.dialect, cred::SourceSettings().dialect);
}

TEST(Settings, FollowTheOptions) {
  const auto settings = settings_of(
      {"oss://b-1/data", "/mnt/x", "--endpoint", "https://oss-cn-hangzhou-internal.aliyuncs.com",
       "--role-arn", "acs:ram::1:role/x", "--role-duration", "900s", "--read-only", "--prefix", "a",
       "--assume-dirs", "/p/q/,r", "--umask", "027", "--metadata-ttl", "0"});
  ASSERT_TRUE(settings) << describe(settings.error());
  EXPECT_EQ(settings->location.prefix, "data/a/");
  EXPECT_EQ(settings->files.prefix, "data/a/");
  EXPECT_EQ(settings->fsname, "oss://b-1/data/a");
  EXPECT_TRUE(settings->files.read_only);
  EXPECT_EQ(settings->files.umask, 027U);
  EXPECT_EQ(settings->files.metadata_lifetime, core::Duration::zero());
  EXPECT_THAT(settings->files.assumed_directories, ElementsAre("p/q", "r"));
  EXPECT_EQ(settings->service.store.region, "cn-hangzhou");
  EXPECT_EQ(settings->service.store.bucket, "b-1");
  EXPECT_EQ(settings->service.source.sts.host, "sts.cn-hangzhou.aliyuncs.com");
  EXPECT_EQ(settings->service.source.role.duration, std::chrono::minutes{15});
  EXPECT_THAT(settings->service.source.role.policy, HasSubstr("data/a/*"));
  EXPECT_THAT(settings->service.source.role.policy, Not(HasSubstr("PutObject")));
  EXPECT_THAT(settings->service.source.role.session_name,
              ::testing::MatchesRegex("stsfs-[A-Za-z0-9_.@-]{1,58}"));
}

TEST(Settings, AnEndpointFollowsFromTheRegion) {
  const auto settings = settings_of({"oss://b-1", "/mnt/x", "--region", "cn-beijing"});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->service.store.endpoint.host, "oss-cn-beijing.aliyuncs.com");
  EXPECT_EQ(settings->service.source.role.role_arn, "");
  EXPECT_EQ(settings->service.source.kind, cred::SourceKind::Chain);
}

TEST(Settings, RefuseWhatDoesNotFitTogether) {
  const std::vector<std::string> mount = {"oss://b-1", "/mnt/x"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), mount.begin(), mount.end());
    return refusal(more);
  };
  EXPECT_THAT(refusal({}), HasSubstr("no source"));
  EXPECT_THAT(refusal({"oss://b-1"}), HasSubstr("no mount point"));
  EXPECT_THAT(with({}), HasSubstr("no endpoint"));
  EXPECT_THAT(with({"--endpoint", "ftp://h"}), HasSubstr("--endpoint"));
  EXPECT_THAT(with({"--endpoint", "http://127.0.0.1:1", "--sign-version", "v4"}),
              HasSubstr("--region"));
  EXPECT_THAT(with({"--region", "r", "--external-id", "x"}), HasSubstr("--role-arn is missing"));
  EXPECT_THAT(with({"--region", "r", "--role-arn", "a", "--session-policy", "/nonexistent"}),
              HasSubstr("/nonexistent"));
  EXPECT_THAT(with({"--region", "r", "--bucket", "c-1"}), HasSubstr("twice"));
}

TEST(Settings, OneOptionSaysWhereCredentialsComeFrom) {
  using cred::SourceKind;
  const struct {
    std::vector<std::string> words;
    SourceKind kind;
  } kRows[] = {
      {{"--profile", "p"}, SourceKind::Profile},
      {{"--credentials-file", "/f"}, SourceKind::CredentialsFile},
      {{"--credentials-file", "/f", "--profile", "p"}, SourceKind::CredentialsFile},
      {{"-o", "passwd_file=/f,use_session_token"}, SourceKind::PasswdFile},
      {{"--credential_process", "/bin/a b"}, SourceKind::Process},
      {{"--credentials-uri", "http://127.0.0.1/x"}, SourceKind::Uri},
      {{"--credentials-dir", "/d"}, SourceKind::Directory},
      {{"--oidc-provider-arn", "a", "--oidc-token-file", "/f"}, SourceKind::Oidc},
      {{"-o", "ram_role=web"}, SourceKind::Ecs},
      {{"-o", "ram_role=http://127.0.0.1:80/x"}, SourceKind::Uri},
      {{"-o", "public_bucket=1"}, SourceKind::Anonymous},
      {{"--no-sign-request"}, SourceKind::Anonymous},
  };
  for (const auto& row : kRows) {
    std::vector<std::string> words = {"oss://b-1", "/mnt/x", "--region", "r"};
    words.insert(words.end(), row.words.begin(), row.words.end());
    const auto settings = settings_of(words);
    ASSERT_TRUE(settings) << row.words[0] << ": " << describe(settings.error());
    EXPECT_EQ(settings->service.source.kind, row.kind) << row.words[0];
  }
  const auto refused = [](std::vector<std::string> words) {
    words.insert(words.begin(), {"oss://b-1", "/mnt/x", "--region", "r"});
    return refusal(words);
  };
  EXPECT_THAT(refused({"--passwd-file", "/f", "--anonymous"}),
              HasSubstr("--passwd-file and --anonymous both say"));
  EXPECT_THAT(refused({"--profile", "p", "--credentials-dir", "/d"}), HasSubstr("both say"));
  EXPECT_THAT(refused({"--anonymous", "--role-arn", "a"}), HasSubstr("contradict"));
  EXPECT_THAT(refused({"--passwd-file", "/f", "--role-duration", "900s"}),
              HasSubstr("--role-arn is missing"));
}

TEST(Settings, ThreeKeyFilesAreADirectory) {
  const std::string three =
      "oss_sts_multi_conf_ak_file=/d/ak,oss_sts_multi_conf_sk_file=/d/sk,"
      "oss_sts_multi_conf_token_file=/d/t";
  const std::vector<std::string> mount = {"oss://b-1", "/mnt/x", "--region", "r", "-o"};
  const auto with = [&](const std::string& last) {
    std::vector<std::string> words = mount;
    words.push_back(last);
    return words;
  };
  const auto settings = settings_of(with(three));
  ASSERT_TRUE(settings) << describe(settings.error());
  const cred::SourceSettings& source = settings->service.source;
  EXPECT_EQ(source.kind, cred::SourceKind::Directory);
  EXPECT_EQ(source.directory, "/d");
  EXPECT_EQ(source.key_files.access_key_id, "ak");
  EXPECT_EQ(source.key_files.access_key_secret, "sk");
  EXPECT_EQ(source.key_files.security_token, "t");
  EXPECT_THAT(refusal(with("oss_sts_multi_conf_ak_file=/d/ak")), HasSubstr("sk-file is missing"));
  EXPECT_THAT(refusal(with(three + ",credentials_dir=/e")), HasSubstr("both say"));
  EXPECT_THAT(refusal(with("oss_sts_multi_conf_ak_file=/d/ak,oss_sts_multi_conf_sk_file=/e/sk,"
                           "oss_sts_multi_conf_token_file=/d/t")),
              HasSubstr("is in /e and not in /d"));
}

TEST(Settings, AContainerFindsItsAgentWithS3Alone) {
  const options::Environment environment(
      Variables{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"},
                {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary"},
                {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/var/run/token"},
                {"ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS", "1"}});
  const auto s3 = settings_of({"s3://b-1", "/mnt/x"}, environment);
  ASSERT_TRUE(s3) << describe(s3.error());
  EXPECT_EQ(s3->service.source.container_uri, "http://169.254.170.23/v1/credentials");
  EXPECT_TRUE(s3->service.source.container_authorization.token == core::Secret("canary"));
  EXPECT_EQ(s3->service.source.container_authorization.token_file, "/var/run/token");
  EXPECT_FALSE(s3->service.source.external_disabled);
  const auto oss = settings_of({"oss://b-1", "/mnt/x", "--region", "r"}, environment);
  ASSERT_TRUE(oss);
  EXPECT_EQ(oss->service.source.container_uri, "");
  EXPECT_TRUE(oss->service.source.external_disabled);
  const auto relative =
      settings_of({"s3://b-1", "/mnt/x"},
                  options::Environment(
                      Variables{{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1"}}));
  ASSERT_TRUE(relative);
  EXPECT_EQ(relative->service.source.container_uri, "http://169.254.170.2/v2/credentials/1");
}

TEST(Settings, StatusShowsNoArgumentThatMayBeAPassword) {
  for (const char* option : {"--credential-process=/bin/x --password=canary",
                             "--credentials-uri=http://127.0.0.1/x?password=canary"}) {
    const auto settings = settings_of({"oss://b-1", "/mnt/x", "--region", "r", option});
    ASSERT_TRUE(settings);
    for (const auto& [name, value] : settings->given) {
      EXPECT_THAT(value, Not(HasSubstr("canary"))) << name;
    }
  }
}

TEST(Settings, VariablesNameFilesEndpointsAndRoles) {
  const auto settings =
      settings_of({"oss://b-1", "/mnt/x", "--region", "cn-a"},
                  options::Environment(Variables{{"HOME", "/home/x"},
                                                 {"ALIBABA_CLOUD_CREDENTIALS_FILE", "/etc/keys"},
                                                 {"ALIBABA_CLOUD_PROFILE", "night"},
                                                 {"ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "true"},
                                                 {"ALIBABA_CLOUD_STS_REGION", "cn-b"},
                                                 {"ALIBABA_CLOUD_ROLE_ARN", "arn"},
                                                 {"ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/token"},
                                                 {"ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "idp"},
                                                 {"ROLE_SESSION_NAME", "pod"},
                                                 {"ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true"},
                                                 {"CREDENTIALS_DIRECTORY", "/run/credentials/x"},
                                                 {"NOTIFY_SOCKET", "/run/notify"},
                                                 {"ALICLOUD_ACCESS_KEY_ID", "id"},
                                                 {"SECURITY_TOKEN", "token"}}));
  ASSERT_TRUE(settings);
  const cred::SourceSettings& source = settings->service.source;
  EXPECT_THAT(source.profile_files, ElementsAre("/home/x/.aliyun/config.json", "/etc/keys"));
  EXPECT_THAT(source.passwd_files, ElementsAre("/home/x/.passwd-ossfs", "/etc/passwd-ossfs"));
  EXPECT_EQ(source.profile, "night");
  EXPECT_EQ(source.sts.host, "sts-vpc.cn-b.aliyuncs.com");
  EXPECT_EQ(source.oidc.role_arn, "arn");
  EXPECT_EQ(source.oidc.token_file, "/token");
  EXPECT_EQ(source.role.session_name, "pod");
  EXPECT_TRUE(source.ecs_disabled);
  EXPECT_EQ(source.service_directory, "/run/credentials/x");
  EXPECT_TRUE(source.environment[4].token == core::Secret("token"));
  for (const std::string& variable : source.child_environment) {
    EXPECT_THAT(variable, Not(HasSubstr("NOTIFY_SOCKET")));
    EXPECT_THAT(variable, Not(HasSubstr("SECURITY_TOKEN")));
  }
}

TEST(Settings, SecretsComeFromTheEnvironment) {
  const options::Environment environment(Variables{{"ALIBABA_CLOUD_ACCESS_KEY_ID", "id"},
                                                   {"ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret"}});
  const auto settings = settings_of({"oss://b-1", "/mnt/x", "--region", "r"}, environment);
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->service.source.environment[0].access_key_id, "id");
  EXPECT_TRUE(settings->service.source.environment[0].access_key_secret == core::Secret("secret"));
}

TEST(Mounts, AreFoundInTheKernelsTable) {
  constexpr std::string_view kTable =
      "22 1 0:20 / / rw - ext4 /dev/sda rw\n"
      "99 22 0:50 / /mnt/a\\040b rw,nosuid - fuse.stsfs oss://b/p rw,user_id=1000,group_id=0\n"
      "98 22 0:51 / /mnt/c rw shared:1 - fuse.sshfs x rw,user_id=0\n"
      "97 22 0:52 / /mnt/d rw shared:2 master:3 - fuse.stsfs oss://c rw,user_id=0\n";
  const auto rows = our_mounts(kTable);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].mount_point, "/mnt/a b");
  EXPECT_EQ(rows[0].source, "oss://b/p");
  EXPECT_EQ(rows[0].owner, 1000U);
  EXPECT_EQ(rows[1].mount_point, "/mnt/d");
}

class Places : public ::testing::Test {
 protected:
  Places() {
    char name[] = "/tmp/stsfs-places-XXXXXX";
    directory_ = std::filesystem::canonical(::mkdtemp(name)).string();
  }
  ~Places() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

TEST_F(Places, MountPointsAreResolvedLikeRealPath) {
  std::filesystem::create_directories(directory_ + "/a/b");
  std::filesystem::create_symlink(directory_ + "/a", directory_ + "/link");
  std::filesystem::create_symlink(directory_ + "/a/b", directory_ + "/a/last");
  for (const char* path :
       {"/a/b", "/a/b/", "/a//b///", "/link/b", "/a/last", "/a/b/.", "/a/b/../b"}) {
    const auto resolved = resolve_mount_point(directory_ + path);
    ASSERT_TRUE(resolved) << path;
    EXPECT_EQ(*resolved, directory_ + "/a/b") << path;
  }
  EXPECT_EQ(*resolve_mount_point("/"), "/");
  EXPECT_EQ(*resolve_mount_point("/tmp"), "/tmp");
  EXPECT_FALSE(resolve_mount_point(directory_ + "/none/b"));
}

TEST_F(Places, OneDaemonAMountPoint) {
  const auto first = open_state_directory(directory_ + "/s", "/mnt/x", options::Environment());
  ASSERT_TRUE(first) << describe(first.error());
  struct stat about {};
  ASSERT_EQ(::stat(first->path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0700U);
  const auto second = open_state_directory(directory_ + "/s", "/mnt/x", options::Environment());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, core::ErrorKind::Busy);
  EXPECT_TRUE(open_state_directory(directory_ + "/s", "/mnt/y", options::Environment()));
}

TEST_F(Places, AStateDirectoryThatOthersWriteToIsRefused) {
  std::filesystem::create_directory(directory_ + "/open");
  ::chmod((directory_ + "/open").c_str(), 0777);
  const auto at = open_state_directory(directory_ + "/open", "/mnt/x", options::Environment());
  ASSERT_TRUE(at) << "only the folder itself matters, and that one is made 0700";
  ::chmod(at->path.c_str(), 0777);
  const auto again = open_state_directory(directory_ + "/open", "/mnt/x", options::Environment());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, core::ErrorKind::Denied);
}

TEST_F(Places, DirectoriesFollowTheRules) {
  EXPECT_EQ(runtime_directory("/told", options::Environment()), "/told");
  EXPECT_EQ(runtime_directory(
                "", options::Environment(Variables{{"RUNTIME_DIRECTORY", "/run/a:/run/b"}})),
            "/run/a");
  const auto state = open_state_directory(
      "", "/mnt/x", options::Environment(Variables{{"STATE_DIRECTORY", directory_ + "/t:/x"}}));
  ASSERT_TRUE(state);
  EXPECT_THAT(state->path, HasSubstr(directory_ + "/t/"));
}

struct ExitRow {
  const char* name;
  core::ErrorKind kind;
  const char* code;
  Exit want;
};
class ExitFor : public ::testing::TestWithParam<ExitRow> {};
TEST_P(ExitFor, TellsWhatToLookAt) {
  core::Error error = core::fail(GetParam().kind, "x");
  if (*GetParam().code != '\0') {
    error.remote = core::Remote{403, GetParam().code, "id", ""};
  }
  EXPECT_EQ(classify(error), GetParam().want);
}
INSTANTIATE_TEST_SUITE_P(
    Errors, ExitFor,
    ::testing::Values(
        ExitRow{"WrongKey", core::ErrorKind::Denied, "InvalidAccessKeyId", Exit::Credentials},
        ExitRow{"UnknownKeyAtSts", core::ErrorKind::Unauthenticated, "InvalidAccessKeyId.NotFound",
                Exit::Credentials},
        ExitRow{"WrongSecret", core::ErrorKind::Denied, "SignatureDoesNotMatch", Exit::Credentials},
        ExitRow{"Expired", core::ErrorKind::TokenRefused, "SecurityTokenExpired",
                Exit::Credentials},
        ExitRow{"NoKeys", core::ErrorKind::Unauthenticated, "", Exit::Credentials},
        ExitRow{"NoRight", core::ErrorKind::Denied, "AccessDenied", Exit::Permission},
        ExitRow{"MayNotAssume", core::ErrorKind::Denied, "NoPermission", Exit::Permission},
        ExitRow{"NoBucket", core::ErrorKind::NoBucket, "NoSuchBucket", Exit::Bucket},
        ExitRow{"NoAnswer", core::ErrorKind::Unavailable, "", Exit::Network},
        ExitRow{"TimedOut", core::ErrorKind::Timeout, "", Exit::Network},
        ExitRow{"Certificate", core::ErrorKind::NotPermitted, "", Exit::Network}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Classify, ABucketOfAnotherRegionIsAnEndpointProblem) {
  core::Error error = core::fail(core::ErrorKind::Denied, "its words do not matter: endpoint");
  error.remote = core::Remote{403, "AccessDenied", "id", ""};
  EXPECT_EQ(classify(error), Exit::Permission);
  error.remote->elsewhere.emplace();
  EXPECT_EQ(classify(error), Exit::Network);
}

}  // namespace
}  // namespace app
