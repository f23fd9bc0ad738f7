#include "cred/source_factory.h"

#include "unit/cred/source_fixture.h"

namespace {

using namespace std::chrono_literals;
using cred::FetchFailure;
using cred::SourceKind;
using test::FailedAs;
using ::testing::AllOf;
using ::testing::HasSubstr;

class SourceFactory : public test::SourceTest {
 protected:
  SourceFactory() {
    settings_.sts = test::FakeCloud::sts();
    settings_.metadata = test::FakeCloud::metadata();
    settings_.role.session_name = "host";
    settings_.ecs_disabled = true;
  }
  std::unique_ptr<cred::CredentialSource> make() {
    auto source = SourceTest::make(settings_);
    EXPECT_TRUE(source) << source.error().message;
    return source ? *std::move(source) : nullptr;
  }
  std::string refusal() {
    const auto source = SourceTest::make(settings_);
    return source ? std::string() : source.error().message;
  }
  void have_token() {
    settings_.oidc.provider_arn = "idp";
    settings_.oidc.token_file = path("token");
    write("token", "eyJ.a.b");
  }

  cred::SourceSettings settings_;
};

TEST_F(SourceFactory, TheChainTakesWhatIsConfiguredFirst) {
  settings_.profile_files = {"/nonexistent/config.json"};
  settings_.passwd_files = {"/nonexistent/passwd"};
  auto none = make()->fetch({});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, FetchFailure::Class::NotConfigured);
  EXPECT_THAT(none.error().error.message,
              AllOf(HasSubstr("ALIBABA_CLOUD_ACCESS_KEY_ID"), HasSubstr("/nonexistent/config.json"),
                    HasSubstr("/nonexistent/passwd")));
  settings_.uri = "http://127.0.0.1:8080/";
  EXPECT_TRUE(make()->fetch({}));
  settings_.ecs_disabled = false;
  EXPECT_TRUE(make()->fetch({}));
  EXPECT_EQ(cloud_.count("GET credentials"), 1);
  settings_.environment[0] = {"LTAIx", core::Secret("s"), {}};
  EXPECT_EQ(make()->fetch({})->credentials.access_key_id, "LTAIx");
}

TEST_F(SourceFactory, AProfileThatWasNamedIsNotPassedOver) {
  settings_.profile_files = {"/nonexistent/config.json"};
  settings_.profile = "night";
  settings_.uri = "http://127.0.0.1:8080/";
  const auto fetched = make()->fetch({});
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().kind, FetchFailure::Class::Permanent);
}

TEST_F(SourceFactory, ATokenIsExchangedForTheRoleAndAnotherRoleIsASecondHop) {
  have_token();
  settings_.oidc.role_arn = "acs:ram::1:role/pod";
  EXPECT_TRUE(make()->fetch({}));
  EXPECT_EQ(cloud_.count("AssumeRole"), 0);
  settings_.role.role_arn = "acs:ram::1:role/pod";  // the same: one hop
  EXPECT_TRUE(make()->fetch({}));
  EXPECT_EQ(cloud_.count("AssumeRole"), 0);
  settings_.role.role_arn = "acs:ram::1:role/data";
  for (const auto kind : {SourceKind::Chain, SourceKind::Oidc}) {
    settings_.kind = kind;
    EXPECT_TRUE(make()->fetch({}));
  }
  EXPECT_EQ(cloud_.count("AssumeRole"), 2);
  EXPECT_EQ(cloud_.count("AssumeRoleWithOIDC"), 4);
}

TEST_F(SourceFactory, AContainersAgentIsAskedBeforeTheInstance) {
  settings_.dialect = cred::Dialect::Aws;
  settings_.ecs_disabled = false;
  for (const char* good : {"http://169.254.170.2/v2/x", "http://169.254.170.23/v1/credentials",
                           "http://[fd00:ec2::23]/v1/credentials", "http://127.0.0.1:8080/",
                           "http://localhost/x", "https://agent.example/x"}) {
    settings_.container_uri = good;
    EXPECT_TRUE(make()->fetch({})) << good;
  }
  EXPECT_EQ(cloud_.count("GET uri"), 6);
  settings_.environment[cred::kAwsNames] = {"AKIAx", core::Secret("s"), {}};
  EXPECT_EQ(make()->fetch({})->credentials.access_key_id, "AKIAx");
  for (const char* bad : {"http://169.254.170.3/x", "http://agent.example/x",
                          "http://127.evil.com/", "http://10.0.0.1/", "ftp://127.0.0.1/"}) {
    settings_.container_uri = bad;
    EXPECT_THAT(refusal(), HasSubstr("AWS_CONTAINER_CREDENTIALS_FULL_URI")) << bad;
  }
}

TEST_F(SourceFactory, ProgramsAndServersMayBeForbiddenToAllButOptions) {
  settings_.external_disabled = true;
  settings_.uri = "http://127.0.0.1:8080/";
  EXPECT_FALSE(make()->fetch({}));
  programs_.then_prints(R"({"AccessKeyId":"a","AccessKeySecret":"s"})");
  settings_.profile_files = {path("config.json")};
  for (const char* mode :
       {R"("mode":"External","process_command":"/bin/keys")",
        R"("mode":"CredentialsURI","credentials_uri":"http://127.0.0.1:8080/")"}) {
    write("config.json", std::string(R"({"profiles":[{"name":"default",)") + mode + "}]}");
    settings_.kind = SourceKind::Profile;
    settings_.external_disabled = true;
    EXPECT_THAT(make()->fetch({}),
                FailedAs(test::kPermanent, "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS"));
    settings_.external_disabled = false;
    EXPECT_TRUE(make()->fetch({})) << mode;
  }
  settings_.external_disabled = true;
  settings_.kind = SourceKind::Uri;
  EXPECT_TRUE(make()->fetch({}));
}

TEST_F(SourceFactory, RefusesWhatMakesNoSense) {
  settings_.kind = SourceKind::Oidc;
  EXPECT_THAT(refusal(), HasSubstr("--oidc-token-file"));
  have_token();
  EXPECT_THAT(refusal(), HasSubstr("--role-arn is missing"));
  settings_.kind = SourceKind::Process;
  settings_.process = "keys";
  EXPECT_THAT(refusal(), HasSubstr("absolute path"));
  settings_.kind = SourceKind::Uri;
  settings_.uri = "gopher://x/";
  EXPECT_THAT(refusal(), HasSubstr("no http:// or https:// URL"));
}

}  // namespace
