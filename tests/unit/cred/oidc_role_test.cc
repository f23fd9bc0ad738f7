// A role for an identity token, with the STS of each dialect.
#include "cred/oidc_role.h"

#include "unit/cred/source_fixture.h"
#include "unit/cred/sts_fixture.h"

namespace {

using namespace std::chrono_literals;
using test::FailedAs;
using test::Form;
using test::kPermanent;
using test::kTransient;
using test::Sent;
using test::Why;
using ::testing::AllOf;
using ::testing::HasSubstr;

class OidcRole : public test::StsTest {
 protected:
  void write(const std::string& token) const { folder_.write("token", token); }
  [[nodiscard]] std::string path() const { return folder_.path("token"); }
  cred::OidcRole source() {
    cred::OidcRequest request;
    request.role_arn = speech().role;
    request.session_name = "pod-1";
    request.duration = 900s;
    request.policy = R"({"Version":"1"})";
    request.provider_arn = "acs:ram::1:oidc-provider/ack";
    request.token_file = path();
    return {std::move(request), sts()};
  }
  test::Reply grant() { return StsTest::grant(action_name()); }
  test::Reply refuse(Why why) { return refusal(why, "the token canary-token-1 is not accepted"); }
  static std::string action_name() {
    return aws() ? "AssumeRoleWithWebIdentity" : "AssumeRoleWithOIDC";
  }
  [[nodiscard]] std::string token_in(std::size_t request) const {
    return form(request)[aws() ? "WebIdentityToken" : "OIDCToken"];
  }

  const test::Folder folder_;
};
FOR_EACH_STS(OidcRole);

TEST_P(OidcRole, SendsTheTokenOfTheFileUnsigned) {
  write("canary-token-1\n");
  transport_.reply(grant());
  const auto lease = source().fetch({});
  ASSERT_TRUE(lease) << core::describe(lease.error().error);
  EXPECT_EQ(lease->expires, clock_.steady_now() + 15min - 1s);
  Form sent = form(0);
  EXPECT_EQ(sent["Action"], action_name());
  EXPECT_EQ(sent["RoleArn"], speech().role);
  EXPECT_EQ(sent["RoleSessionName"], "pod-1");
  EXPECT_EQ(sent["DurationSeconds"], "900");
  EXPECT_EQ(sent["Policy"], "{\"Version\":\"1\"}");
  EXPECT_EQ(token_in(0), "canary-token-1");
  // AWS knows the provider by the token.
  EXPECT_EQ(sent["OIDCProviderArn"], aws() ? "" : "acs:ram::1:oidc-provider/ack");
  EXPECT_FALSE(sent.contains("Signature") || sent.contains("AccessKeyId"));
  EXPECT_EQ(transport_.sent().at(0).line(), "POST /");
  EXPECT_EQ(transport_.sent().at(0).header("Authorization"), "");
}

TEST_P(OidcRole, ReadsTheFileAnewThroughASwappedLink) {
  folder_.write("first", "token-one");
  folder_.write("second", "token-two");
  folder_.link("first", "token");
  transport_.reply(grant()).reply(grant());
  auto oidc = source();
  ASSERT_TRUE(oidc.fetch({}));
  folder_.link("second", "token");
  ASSERT_TRUE(oidc.fetch({}));
  EXPECT_EQ(token_in(0), "token-one");
  EXPECT_EQ(token_in(1), "token-two");
}

TEST_P(OidcRole, ATokenRotatedUnderWayIsSentAgain) {
  write("canary-token-1");
  transport_
      .reply([this](const Sent&) {
        write("canary-token-2");
        return refuse(Why::IdentityTokenExpired);
      })
      .reply(grant());
  ASSERT_TRUE(source().fetch({}));
  EXPECT_EQ(token_in(1), "canary-token-2");
}

TEST_P(OidcRole, ATokenThatIsRefusedIsNotSentTwice) {
  write("canary-token-1");
  transport_.reply(refuse(Why::IdentityTokenExpired));
  auto oidc = source();
  const auto fetched = oidc.fetch({});
  EXPECT_THAT(fetched, FailedAs(kPermanent, speech().codes.at(Why::IdentityTokenExpired).code));
  EXPECT_THAT(core::describe(fetched.error().error),
              AllOf(HasSubstr("token"), HasSubstr("REQ-1"), HasSubstr("(hidden)"),
                    HasSubstr(action_name())));
  EXPECT_EQ(transport_.sent().size(), 1U);
  // From the first lease on somebody is known to rotate it.
  transport_.reply(grant()).reply(refuse(Why::IdentityTokenExpired));
  ASSERT_TRUE(oidc.fetch({}));
  EXPECT_THAT(oidc.fetch({}), FailedAs(kTransient, ""));
}

TEST_P(OidcRole, ADenialBlamesTheTokenOnlyWhereItMayMeanIt) {
  write("canary-token-1");
  auto oidc = source();
  transport_.reply(grant()).reply(refuse(Why::Denied));
  ASSERT_TRUE(oidc.fetch({}));
  // Ceph has one word for tokens that are expired, forged or not trusted: the next one may do.
  EXPECT_THAT(oidc.fetch({}), FailedAs(aws() ? kTransient : kPermanent, ""));
}

TEST_P(OidcRole, JudgesOtherRefusalsAsStsDoes) {
  write("canary-token-1");
  auto oidc = source();
  transport_.reply(refuse(Why::WrongParameter))
      .reply(refuse(Why::Throttled))
      .reply(nobody())
      .reply(reply(200, "<html>hotel</html>"));
  EXPECT_THAT(oidc.fetch({}), FailedAs(kPermanent, "900 s up to"));
  EXPECT_THAT(oidc.fetch({}), FailedAs(kTransient, "Throttling"));
  EXPECT_THAT(oidc.fetch({}), FailedAs(kTransient, "connection refused"));
  EXPECT_THAT(oidc.fetch({}), FailedAs(kTransient, speech().role));
}

TEST_P(OidcRole, AnUnusableTokenIsRefusedAtFirstAndTransientWhileMounted) {
  struct BadFile {
    std::string content;
    const char* words;
  };
  const std::vector<BadFile> files = {{"", "it is empty"},
                                      {" \n\n", "it is empty"},
                                      {"abc", "too short"},
                                      {std::string(30'000, 'x'), "longer than the 20000"},
                                      {std::string("canary\0\x01z", 9), "no token has"},
                                      {"canary-one\ncanary-two", "no token has"}};
  for (const BadFile& file : files) {
    SCOPED_TRACE(file.words);
    auto oidc = source();
    write(file.content);
    const auto fetched = oidc.fetch({});
    EXPECT_THAT(fetched, FailedAs(kPermanent, file.words));
    EXPECT_THAT(core::describe(fetched.error().error), HasSubstr(path()));
    const std::size_t before = transport_.sent().size();
    write("a-good-token");
    transport_.reply(grant());
    ASSERT_TRUE(oidc.fetch({}));
    write(file.content);
    EXPECT_THAT(oidc.fetch({}), FailedAs(kTransient, file.words));
    EXPECT_EQ(transport_.sent().size(), before + 1);  // nothing bad was sent
  }
}

TEST_P(OidcRole, AMissingFileIsNamed) {
  EXPECT_THAT(source().fetch({}), FailedAs(kPermanent, path()));
  std::filesystem::create_directory(path());
  EXPECT_THAT(source().fetch({}), FailedAs(kPermanent, "not a regular file"));
}

}  // namespace
