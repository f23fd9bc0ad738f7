#include "app/command_line.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace app {
namespace {

using Variables = std::map<std::string, std::string>;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Words = std::vector<std::string>;

core::Result<Invocation> parse(Words words, const options::Environment& environment = {}) {
  words.insert(words.begin(), "/usr/bin/stsfs");
  return parse_command_line(words, environment);
}

/// The values of `mount oss://b /mnt` and these words.
options::Values mount_values(Words words, const options::Environment& environment = {}) {
  words.insert(words.begin(), {"mount", "oss://b", "/mnt"});
  auto invocation = parse(words, environment);
  EXPECT_TRUE(invocation) << core::describe(invocation.error());
  return invocation ? invocation->values : options::Values(option_table(), kMount);
}

std::string refusal(Words words, const options::Environment& environment = {}) {
  const auto invocation = parse(std::move(words), environment);
  EXPECT_FALSE(invocation);
  return invocation ? std::string() : invocation.error().message;
}

class File {
 public:
  explicit File(const std::string& content) {
    char name[] = "/tmp/stsfs-config-XXXXXX";
    const int fd = ::mkstemp(name);
    EXPECT_GE(fd, 0);
    ::close(fd);
    path_ = name;
    std::ofstream(path_) << content;
  }
  ~File() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(CommandLine, TakesSourceMountpointAndOptions) {
  const auto invocation = parse({"mount", "oss://b/p", "/mnt/x", "--endpoint", "http://127.0.0.1:1",
                                 "--role-duration=900s", "-f", "--cache-size", "64MiB"});
  ASSERT_TRUE(invocation) << core::describe(invocation.error());
  const options::Values& values = invocation->values;
  EXPECT_EQ(invocation->command, kMount);
  EXPECT_EQ(values.text("source"), "oss://b/p");
  EXPECT_EQ(values.text("mountpoint"), "/mnt/x");
  EXPECT_EQ(values.text("endpoint"), "http://127.0.0.1:1");
  EXPECT_EQ(values.duration("role-duration"), std::chrono::minutes{15});
  EXPECT_EQ(values.size("cache-size"), 64U << 20U);
  EXPECT_TRUE(values.flag("foreground"));
  EXPECT_FALSE(values.flag("read-only"));
  EXPECT_EQ(values.mode("file-mode"), 0644U);
}

TEST(CommandLine, TakesUnderscoresForHyphens) {
  EXPECT_TRUE(mount_values({"--allow_other"}).flag("allow-other"));
  EXPECT_EQ(mount_values({"--metadata_ttl=5s"}).duration("metadata-ttl"), std::chrono::seconds{5});
  EXPECT_EQ(mount_values({"-o", "log_file=/tmp/a_b"}).text("log-file"), "/tmp/a_b");
}

TEST(CommandLine, TakesTheListsOfFstab) {
  const options::Values values = mount_values(
      {"-o", "rw,_netdev,nofail,x-systemd.automount,allow_other,url=http://h,fsname=a\\,b", "-o",
       "ro"});
  EXPECT_TRUE(values.flag("allow-other"));
  EXPECT_TRUE(values.flag("read-only"));
  EXPECT_EQ(values.text("endpoint"), "http://h");
  EXPECT_EQ(values.text("fsname"), "a,b");
}

TEST(CommandLine, TheLaterOneCounts) {
  EXPECT_EQ(mount_values({"--region", "a", "-o", "region=b"}).text("region"), "b");
  EXPECT_EQ(mount_values({"-o", "region=b", "--region", "a"}).text("region"), "a");
  EXPECT_FALSE(mount_values({"--ro", "--read-only=false"}).flag("read-only"));
}

TEST(CommandLine, TakesTheNamesOfOtherPrograms) {
  EXPECT_EQ(mount_values({"--sigv1"}).text("sign-version"), "v1");
  EXPECT_EQ(mount_values({"-o", "multipart_size=10"}).size("part-size"), 10U << 20U);
  EXPECT_EQ(mount_values({"-o", "multipart_size=100KiB"}).size("part-size"), 100U << 10U);
  EXPECT_EQ(mount_values({"-o", "use_path_request_style"}).text("addressing"), "path");
  EXPECT_EQ(mount_values({"-o", "stat_cache_expire=7"}).duration("metadata-ttl"),
            std::chrono::seconds{7});
  const auto ossfs2 = parse({"mount", "/mnt/x", "--oss_bucket=b", "--oss_endpoint=http://h"});
  ASSERT_TRUE(ossfs2);
  EXPECT_EQ(ossfs2->values.text("mountpoint"), "/mnt/x");
  EXPECT_EQ(ossfs2->values.text("bucket"), "b");
}

TEST(CommandLine, TakesLimitsAndEncryptionAsOthersWriteThem) {
  EXPECT_EQ(mount_values({"-o", "upload_traffic_limit=819200"}).text("upload-limit"),
            "819200bit/s");
  EXPECT_EQ(mount_values({"-o", "use_sse"}).text("encryption"), "AES256");
  EXPECT_EQ(mount_values({"-o", "use_sse=kmsid:k-1"}).text("encryption"), "kmsid:k-1");
  EXPECT_EQ(mount_values({"-o", "dbglevel=critical"}).text("log-level"), "error");
  EXPECT_EQ(mount_values({"--log-level", "warning"}).text("log-level"), "warn");
}

TEST(CommandLine, HintsThatAreNotFollowedAreIgnoredAloud) {
  const auto from_fstab = mount_values({"-o", "use_cache=/tmp,ro,close_to_open"});
  EXPECT_TRUE(from_fstab.flag("read-only"));
  EXPECT_THAT(from_fstab.ignored(),
              ElementsAre(AllOf(HasSubstr("-o use_cache is ignored"), HasSubstr("no cache")),
                          HasSubstr("-o close_to_open")));
  EXPECT_THAT(mount_values({"--max-cache-size=100"}).ignored(),
              ElementsAre(HasSubstr("--max-cache-size is ignored")));
  // What somebody asks us for by our own name, and what changes what is stored, is refused.
  EXPECT_THAT(refusal({"mount", "oss://b", "/mnt", "-o", "cache_dir=/x"}), HasSubstr("no cache"));
  EXPECT_THAT(refusal({"mount", "oss://b", "/mnt", "-o", "ahbe_conf=/x"}), HasSubstr("headers"));
}

TEST(CommandLine, ListsAddUp) {
  EXPECT_THAT(mount_values({"--assume-dirs", "a,b/c", "--assume-dirs=d"}).list("assume-dirs"),
              ElementsAre("a", "b/c", "d"));
  EXPECT_THAT(mount_values({"-o", "assume_dirs=a\\,b"}).list("assume-dirs"), ElementsAre("a", "b"));
  const auto emulator = parse({"emulator", "--bucket", "one", "--bucket", "two"});
  ASSERT_TRUE(emulator);
  EXPECT_THAT(emulator->values.list("bucket"), ElementsAre("one", "two"));
  EXPECT_THAT(parse({"emulator"})->values.list("bucket"), ElementsAre("examplebucket"));
}

TEST(CommandLine, RefusesUnknownOptionsAndSuggestsTheNearest) {
  EXPECT_THAT(refusal({"mount", "oss://b", "/mnt", "--endpiont", "x"}), HasSubstr("endpoint?"));
  EXPECT_THAT(refusal({"mount", "oss://b", "/mnt", "-o", "alow_other"}), HasSubstr("allow-other?"));
  EXPECT_THAT(refusal({"mount", "oss://b", "/mnt", "--zzzzzzz"}),
              AllOf(HasSubstr("no option zzzzzzz"), Not(HasSubstr("mean"))));
  EXPECT_THAT(refusal({"mount", "oss://b", "/mnt", "--lazy"}), HasSubstr("no option lazy"));
  EXPECT_THAT(refusal({"mount", "oss://b", "/mnt", "extra"}), HasSubstr("\"extra\""));
  EXPECT_THAT(refusal({"mont"}), HasSubstr("no command"));
}

TEST(CommandLine, RefusesSecretsAndSaysWhereTheyGo) {
  for (const char* word : {"oss_access_key_secret=x", "access-key-secret=x", "security_token=x"}) {
    const std::string said = refusal({"mount", "oss://b", "/mnt", "-o", word});
    EXPECT_THAT(said,
                AllOf(HasSubstr("no option takes a secret"), HasSubstr("--credentials-file")));
  }
}

TEST(CommandLine, RefusesValuesThatMakeNoSense) {
  const struct {
    const char* option;
    const char* hint;
  } kRows[] = {
      {"--metadata-ttl=soon", "as in 30s"},
      {"--metadata-ttl=2h", "at most 1h"},
      {"--cache-size=1", "at least 16MiB"},
      {"--file-mode=0999", "octal"},
      {"--sign-version=v9", "auto, v1, v4"},
      {"--read-only=maybe", "true or false"},
      {"--uid=me", "a number"},
      {"--sigv1=perhaps", "true or false"},
      {"--role-duration=0s", "at least 1s"},
  };
  for (const auto& row : kRows) {
    EXPECT_THAT(refusal({"mount", "oss://b", "/mnt", row.option}), HasSubstr(row.hint))
        << row.option;
  }
  EXPECT_THAT(refusal({"mount", "oss://b", "/mnt", "--endpoint"}), HasSubstr("--endpoint"));
}

TEST(CommandLine, VariablesAreOverriddenByTheCommandLine) {
  const options::Environment environment(
      Variables{{"STSFS_REGION", "env"}, {"STSFS_METADATA_TTL", "7s"}});
  const options::Values values = mount_values({"--region=cli"}, environment);
  EXPECT_EQ(values.text("region"), "cli");
  EXPECT_EQ(values.duration("metadata-ttl"), std::chrono::seconds{7});
  EXPECT_THAT(
      refusal({"mount", "oss://b", "/mnt"}, options::Environment(Variables{{"STSFS_UID", "x"}})),
      HasSubstr("STSFS_UID"));
}

TEST(ConfigFile, IsTheLowestLayer) {
  const File file(
      "# a comment\nsource = \"oss://b/p\"\nmountpoint = \"/mnt/x\"\nregion = \"file\"\n"
      "read_only = true\nassume-dirs = [\"a\", \"b\"]\nmetadata-ttl = \"5s\"\nuid = 7\n");
  const auto invocation = parse({"mount", "--config", file.path(), "--region=cli"},
                                options::Environment(Variables{{"STSFS_METADATA_TTL", "9s"}}));
  ASSERT_TRUE(invocation) << core::describe(invocation.error());
  const options::Values& values = invocation->values;
  EXPECT_EQ(values.text("source"), "oss://b/p");
  EXPECT_EQ(values.text("region"), "cli");
  EXPECT_EQ(values.duration("metadata-ttl"), std::chrono::seconds{9});
  EXPECT_EQ(values.count("uid"), 7U);
  EXPECT_TRUE(values.flag("read-only"));
  EXPECT_THAT(values.list("assume-dirs"), ElementsAre("a", "b"));
}

TEST(ConfigFile, FaultsAreNamedWithTheirLine) {
  EXPECT_THAT(refusal({"mount", "--config", "/nonexistent/x.toml"}),
              AllOf(HasSubstr("/nonexistent/x.toml"), HasSubstr("No such file")));
  EXPECT_THAT(refusal({"mount", "--config", "/tmp"}), HasSubstr("/tmp"));
  const File typo("region = \"a\"\n\nregoin = \"b\"\n");
  EXPECT_THAT(refusal({"mount", "--config", typo.path()}),
              AllOf(HasSubstr(typo.path() + ", line 3"), HasSubstr("region?")));
  const File value("metadata-ttl = \"soon\"\n");
  EXPECT_THAT(refusal({"mount", "--config", value.path()}), HasSubstr("line 1"));
  const File garbage("region = \"a\"\nthis is no assignment\n");
  EXPECT_THAT(refusal({"mount", "--config", garbage.path()}), HasSubstr("line 2"));
  const File secret("access-key-secret = \"canary\"\n");
  EXPECT_THAT(refusal({"mount", "--config", secret.path()}),
              AllOf(HasSubstr("no option takes a secret"), Not(HasSubstr("canary"))));
}

TEST(ConfigFile, OfAMountServesWhoami) {
  const File file("source = \"oss://b\"\nmetadata-ttl = \"5s\"\nrole-arn = \"arn\"\n");
  const auto invocation = parse({"whoami", "--config", file.path()});
  ASSERT_TRUE(invocation) << core::describe(invocation.error());
  EXPECT_EQ(invocation->values.text("role-arn"), "arn");
  const File typo("regoin = \"b\"\n");
  EXPECT_THAT(refusal({"whoami", "--config", typo.path()}), HasSubstr("region?"));
}

TEST(ConfigFile, MayBeEmpty) {
  const File empty("");
  EXPECT_TRUE(parse({"mount", "oss://b", "/mnt", "--config", empty.path()}));
}

TEST(MountHelper, UnderstandsWhatMountSays) {
  const auto helper = [](Words words) {
    words.insert(words.begin(), "/sbin/mount.stsfs");
    return parse_command_line(words, options::Environment());
  };
  const auto invocation = helper({"oss://b", "/mnt/x", "-sn", "-v", "-o", "rw,ro,url=http://h"});
  ASSERT_TRUE(invocation) << core::describe(invocation.error());
  EXPECT_EQ(invocation->values.text("source"), "oss://b");
  EXPECT_TRUE(invocation->values.flag("read-only"));
  EXPECT_FALSE(invocation->values.flag("foreground"));
  EXPECT_FALSE(invocation->pretend);
  EXPECT_TRUE(helper({"-f", "oss://b", "/mnt/x"})->pretend);
  EXPECT_FALSE(helper({"oss://b"}));
  EXPECT_FALSE(helper({"oss://b", "/mnt/x", "--read-only"}));
}

TEST(MountHelper, TheBinaryAloneTakesAUrlFirst) {
  const auto invocation = parse({"oss://b", "/mnt/x", "-o", "rw"});
  ASSERT_TRUE(invocation);
  EXPECT_EQ(invocation->command, kMount);
}

TEST(CommandLine, AnswersWhichVersionItIs) {
  EXPECT_THAT(*parse({"--version"})->answer, HasSubstr("stsfs 0."));
}

}  // namespace
}  // namespace app
