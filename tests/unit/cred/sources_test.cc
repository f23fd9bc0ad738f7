#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cred/chain.h"
#include "cred/credentials_file.h"
#include "cred/failure.h"
#include "cred/static_source.h"
#include "support/fake_clock.h"
#include "support/fake_sts.h"

namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using cred::FetchFailure;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

MATCHER_P(FailedAs, failure_class, "") {
  if (arg) {
    *result_listener << "a lease of " << arg->credentials.access_key_id;
    return false;
  }
  *result_listener << core::describe(arg.error().error);
  return arg.error().kind == failure_class;
}
constexpr auto kNotConfigured = FetchFailure::Class::NotConfigured;
constexpr auto kPermanent = FetchFailure::Class::Permanent;
constexpr auto kTransient = FetchFailure::Class::Transient;

sign::Credentials keys(std::string id, std::string secret, std::string token = {}) {
  return {std::move(id), core::Secret(std::move(secret)), core::Secret(std::move(token))};
}

// --- environment -----------------------------------------------------------------------------

class EnvironmentTest : public ::testing::Test {
 protected:
  cred::Fetched fetch(sign::Credentials general, sign::Credentials oss = {}) {
    cred::EnvironmentValues values;
    values[0] = std::move(general);
    values[1] = std::move(oss);
    return cred::EnvironmentSource(std::move(values), clock_).fetch({});
  }
  test::FakeClock clock_;
};

TEST_F(EnvironmentTest, PrefersTheGeneralVariables) {
  EXPECT_EQ(fetch(keys("a", "s"), keys("b", "s"))->credentials.access_key_id, "a");
  const auto oss = fetch({}, keys("b", "s", "t"));
  ASSERT_TRUE(oss);
  EXPECT_EQ(oss->credentials.access_key_id, "b");
  EXPECT_TRUE(oss->credentials.temporary());
  EXPECT_FALSE(oss->expires);
}

TEST_F(EnvironmentTest, MovesOnWhereNothingIsSetAndRefusesHalfAPair) {
  EXPECT_THAT(fetch({}), FailedAs(kNotConfigured));
  const auto half = fetch(keys("LTAIx", ""), keys("b", "s"));
  ASSERT_THAT(half, FailedAs(kPermanent));
  EXPECT_THAT(half.error().error.message,
              HasSubstr("ALIBABA_CLOUD_ACCESS_KEY_ID is set but ALIBABA_CLOUD_ACCESS_KEY_SECRET"));
}

TEST_F(EnvironmentTest, RefusesALineBreakWithoutShowingTheValue) {
  for (const auto& bad : {keys("canary\n", "s"), keys("a", "canary\r"), keys("a", "s", "canary\n"),
                          keys(std::string(300, 'c'), "s")}) {
    const auto fetched = fetch(bad);
    ASSERT_THAT(fetched, FailedAs(kPermanent));
    EXPECT_THAT(fetched.error().error.message, Not(HasSubstr("canary")));
  }
}

// --- file ------------------------------------------------------------------------------------

class FileTest : public ::testing::Test {
 protected:
  FileTest() {
    std::string name = ::testing::TempDir() + "credXXXXXX";
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/credentials";
  }
  ~FileTest() override { std::filesystem::remove_all(folder_); }
  FileTest(const FileTest&) = delete;
  FileTest& operator=(const FileTest&) = delete;

  void write(const std::string& text, ::mode_t mode = 0600) {
    std::ofstream(path_) << text;
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  cred::Fetched fetch(const std::string& profile = "default") {
    return cred::CredentialsFile(path_, profile, service_clock_).fetch({});
  }

  std::string folder_;
  std::string path_;
  test::FakeClock clock_;
  cred::ServiceClock service_clock_{clock_};
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
  cred::CredentialsFile file(path_, "default", service_clock_);
  EXPECT_EQ(file.fetch({})->credentials.access_key_id, "one");
  write("access_key_id=two\naccess_key_secret=s\n");
  EXPECT_EQ(file.fetch({})->credentials.access_key_id, "two");
}

TEST_F(FileTest, AbsenceIsNotConfigured) {
  EXPECT_THAT(fetch(), FailedAs(kNotConfigured));
  write("[other]\naccess_key_id=x\naccess_key_secret=s\n");
  EXPECT_THAT(fetch(), FailedAs(kNotConfigured));
  EXPECT_THAT(fetch("third"), FailedAs(kPermanent));  // asked for by name
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
        BadFile{"OtherType", "type=ecs_ram_role\nrole_name=x\n", "'ecs_ram_role' is not supported"},
        BadFile{"StsWithoutToken", "type=sts\naccess_key_id=x\naccess_key_secret=canary\n",
                "no security_token"},
        BadFile{"Garbage", "access_key_id=x\ncanary\n", "line 2"},
        BadFile{"BadExpiration",
                "access_key_id=x\naccess_key_secret=canary\nsts_token=canary\nexpiration=soon\n",
                "expiration is not"},
        BadFile{"Expired",
                "access_key_id=x\naccess_key_secret=canary\nsts_token=canary\n"
                "expiration=2020-01-01T00:00:00Z\n",
                "expired at 2020"},
        BadFile{"Huge", std::string(70 * 1024, '#'), "64 KiB"}),
    [](const auto& row) { return std::string(row.param.name); });

// --- chain -----------------------------------------------------------------------------------

/// A source that says what it is told, and counts.
class Puppet final : public cred::CredentialSource {
 public:
  Puppet(std::string name, int& asked, std::optional<FetchFailure::Class>& fails)
      : name_(std::move(name)), asked_(asked), fails_(fails) {}
  cred::Fetched fetch(const core::OpContext& /*context*/) override {
    ++asked_;
    if (fails_) {
      return tl::unexpected(
          FetchFailure{*fails_, core::fail(ErrorKind::Unauthenticated, name_ + " has none"), {}});
    }
    return cred::Lease{keys(name_, "s"), std::nullopt, {}};
  }
  [[nodiscard]] std::string describe() const override { return name_; }

 private:
  const std::string name_;
  int& asked_;
  std::optional<FetchFailure::Class>& fails_;
};

class ChainTest : public ::testing::Test {
 protected:
  cred::Chain chain() {
    std::vector<std::unique_ptr<cred::CredentialSource>> sources;
    sources.push_back(std::make_unique<Puppet>("first", asked_[0], fails_[0]));
    sources.push_back(std::make_unique<Puppet>("second", asked_[1], fails_[1]));
    return cred::Chain(std::move(sources));
  }
  std::array<int, 2> asked_{};
  std::array<std::optional<FetchFailure::Class>, 2> fails_;
};

TEST_F(ChainTest, MovesOnPastWhatIsNotConfiguredAndStaysWithWhatWorked) {
  fails_[0] = kNotConfigured;
  auto sources = chain();
  EXPECT_EQ(sources.describe(), "first, else second");
  EXPECT_EQ(sources.fetch({})->credentials.access_key_id, "second");
  EXPECT_EQ(sources.describe(), "second");
  EXPECT_EQ(sources.fetch({})->credentials.access_key_id, "second");
  EXPECT_EQ(asked_[0], 1);
  fails_[0].reset();
  fails_[1] = kNotConfigured;  // taken away: looked for from the beginning
  EXPECT_EQ(sources.fetch({})->credentials.access_key_id, "first");
}

TEST_F(ChainTest, AConfiguredSourceThatFailsEndsTheSearch) {
  for (const auto failure : {kTransient, kPermanent}) {
    fails_[0] = failure;
    auto sources = chain();
    EXPECT_THAT(sources.fetch({}), FailedAs(failure));
    EXPECT_EQ(asked_[1], 0);
  }
}

TEST_F(ChainTest, SaysWhyNothingWasFound) {
  fails_.fill(kNotConfigured);
  auto sources = chain();
  const auto fetched = sources.fetch({});
  ASSERT_THAT(fetched, FailedAs(kNotConfigured));
  EXPECT_THAT(fetched.error().error.message,
              AllOf(HasSubstr("first has none"), HasSubstr("second has none")));
}

}  // namespace
