// STS through the authority: who may assume what, for how long, and how refusals look.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "unit/emulator/authority_client.h"
#include "unit/emulator/issuer.h"

namespace emulator {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class StsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "sts-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void open(const json& config = {}, AuthorityOptions options = {}) {
    if (!config.is_null()) {
      options.config_file = folder_ + "/config.json";
      std::ofstream(options.config_file) << config.dump();
    }
    auto opened = Authority::open(std::move(options), clock_);
    ASSERT_TRUE(opened) << opened.error().message;
    authority_ = *std::move(opened);
    base_ = base_keys(*authority_);
    role_ = authority_->identity().role_arn;
  }
  StsAnswer assume_as(const KeyPair& keys, Params more = {}, const std::string& role = {}) {
    return assume(*authority_, keys, clock_.wall_now(), role.empty() ? role_ : role,
                  std::move(more));
  }
  [[nodiscard]] std::string verified_arn(const KeyPair& keys) const {
    const auto verified =
        authority_->verify(v4_request(keys, clock_.wall_now(), "b", "k"), "b", "k", {});
    return std::holds_alternative<Verified>(verified) ? std::get<Verified>(verified).principal.arn
                                                      : std::get<ServiceError>(verified).code;
  }

  std::string folder_;
  test::FakeClock clock_;
  std::unique_ptr<Authority> authority_;
  KeyPair base_;
  std::string role_;
};

TEST_F(StsTest, AssumeRoleAnswersAsTheServiceDoes) {
  open();
  const auto answer = assume_as(base_, {{"DurationSeconds", "900"}});
  ASSERT_EQ(answer.status, 200) << answer.body.dump();
  EXPECT_EQ(answer.body["AssumedRoleUser"]["Arn"], role_ + "/session");
  EXPECT_THAT(answer.body["AssumedRoleUser"]["AssumedRoleId"].get<std::string>(),
              EndsWith(":session"));
  EXPECT_EQ(answer.body["Credentials"]["Expiration"], "2024-01-02T03:19:05Z");
  EXPECT_THAT(answer.keys().id, StartsWith("STS."));
  EXPECT_EQ(answer.body["RequestId"].get<std::string>().size(), 36U);
  EXPECT_NE(answer.keys().token, assume_as(base_).keys().token);
  EXPECT_EQ(assume_as(base_).body["Credentials"]["Expiration"], "2024-01-02T04:04:05Z")
      << "an hour unless told";
}

TEST_F(StsTest, WithoutAFormatTheAnswerIsXml) {
  open();
  RawRequest request =
      make_request("GET", "/?Action=AssumeRole&Version=2015-04-01&AccessKeyId=%3C");
  std::string operation;
  const Answer answer = authority_->sts(request, "", {}, operation);
  EXPECT_EQ(operation, "AssumeRole");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.content_type, "text/xml;charset=utf-8");
  EXPECT_THAT(answer.body, HasSubstr("<Error><RequestId>"));
  EXPECT_THAT(answer.body, HasSubstr("<Code>MissingSignature</Code>"));
}

struct Refusal {
  std::string name;
  Params params;
  std::string role;  ///< empty: the full role
  int status;
  std::string code;
};
class StsRefuses : public StsTest, public ::testing::WithParamInterface<Refusal> {};
TEST_P(StsRefuses, ByName) {
  open();
  const auto answer = assume_as(base_, GetParam().params, GetParam().role);
  EXPECT_EQ(answer.status, GetParam().status);
  EXPECT_EQ(answer.code(), GetParam().code);
}
const std::string kAccount = "acs:ram::1750000000000000:role/";
INSTANTIATE_TEST_SUITE_P(
    Table, StsRefuses,
    ::testing::Values(
        Refusal{"UnknownRole", {}, kAccount + "none", 404, "EntityNotExist.Role"},
        Refusal{"OtherAccount", {}, "acs:ram::17:role/stsfs-full", 404, "EntityNotExist.Role"},
        Refusal{"BadArn", {}, "not-an-arn", 400, "InvalidParameter.RoleArn"},
        Refusal{"ShortSession",
                {{"RoleSessionName", "x"}},
                "",
                400,
                "InvalidParameter.RoleSessionName"},
        Refusal{"OddSession",
                {{"RoleSessionName", "a b"}},
                "",
                400,
                "InvalidParameter.RoleSessionName"},
        Refusal{"NoSession", {{"RoleSessionName", ""}}, "", 400, "MissingRoleSessionName"},
        Refusal{
            "TooShort", {{"DurationSeconds", "899"}}, "", 400, "InvalidParameter.DurationSeconds"},
        Refusal{
            "TooLong", {{"DurationSeconds", "3601"}}, "", 400, "InvalidParameter.DurationSeconds"},
        Refusal{
            "NoNumber", {{"DurationSeconds", "1h"}}, "", 400, "InvalidParameter.DurationSeconds"},
        Refusal{"Huge",
                {{"DurationSeconds", "99999999999999999999"}},
                "",
                400,
                "InvalidParameter.DurationSeconds"},
        Refusal{"PolicyOfAws",
                {{"Policy", R"({"Version":"2012-10-17","Statement":[]})"}},
                "",
                400,
                "InvalidParameter.PolicyGrammar"},
        Refusal{"BadPolicy", {{"Policy", "{nope"}}, "", 400, "InvalidParameter.PolicyGrammar"},
        Refusal{"LongPolicy",
                {{"Policy", std::string(2049, ' ')}},
                "",
                400,
                "InvalidParameter.PolicySize"},
        Refusal{"ShortExternalId", {{"ExternalId", "x"}}, "", 400, "InvalidParameter.ExternalId"}),
    [](const auto& row) { return row.param.name; });

TEST_F(StsTest, TheBoundsOfTheDurationAreNamed) {
  AuthorityOptions options;
  options.min_duration = 6s;
  open({{"max_session_duration", "2h"}}, options);
  EXPECT_EQ(assume_as(base_, {{"DurationSeconds", "6"}}).status, 200);
  EXPECT_EQ(assume_as(base_, {{"DurationSeconds", "7200"}}).status, 200);
  EXPECT_EQ(assume_as(base_, {{"DurationSeconds", "5"}}).body["Message"],
            "The Min/Max value of DurationSeconds is 6s/2hr.");
}

TEST_F(StsTest, WrongSignersAreRefusedByName) {
  open();
  const auto wrong = assume_as({base_.id, "bad", ""});
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.code(), "SignatureDoesNotMatch");
  EXPECT_THAT(wrong.body["Message"].get<std::string>(),
              HasSubstr("server string to sign is:GET&%2F&"));
  const auto unknown = assume_as({"nobody", "bad", ""});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.code(), "InvalidAccessKeyId.NotFound");

  const KeyPair session = assume_as(base_).keys();
  EXPECT_EQ(assume_as({session.id, session.secret, ""}).code(), "MissingSecurityToken");
  EXPECT_EQ(assume_as({session.id, session.secret, "x"}).code(), "InvalidSecurityToken.Malformed");
  EXPECT_EQ(assume_as({session.id, session.secret, assume_as(base_).keys().token}).code(),
            "InvalidSecurityToken.MismatchWithAccessKey");
  EXPECT_EQ(assume_as(session).code(), "NoPermission") << "the full role may use OSS only";
  clock_.advance(1h);
  EXPECT_EQ(assume_as(session).code(), "InvalidSecurityToken.Expired");
}

TEST_F(StsTest, ANonceWorksOnce) {
  open();
  const auto request =
      rpc_request(base_, clock_.wall_now(), "n1",
                  {{"Action", "AssumeRole"}, {"RoleArn", role_}, {"RoleSessionName", "session"}});
  EXPECT_EQ(send(*authority_, request).status, 200);
  EXPECT_EQ(send(*authority_, request).code(), "SignatureNonceUsed");
  clock_.advance(16min);
  EXPECT_EQ(send(*authority_, request).code(), "InvalidTimeStamp.Expired");
}

TEST_F(StsTest, TimesFollowTheServicesClock) {
  open();
  const auto request =
      rpc_request(base_, clock_.wall_now(), "n2",
                  {{"Action", "AssumeRole"}, {"RoleArn", role_}, {"RoleSessionName", "session"}});
  EXPECT_EQ(send(*authority_, request, 16min).code(), "InvalidTimeStamp.Expired");
  EXPECT_EQ(send(*authority_, request, 10min).body["Credentials"]["Expiration"],
            "2024-01-02T04:14:05Z");
}

TEST_F(StsTest, UnknownActionsAndMethodsAreRefused) {
  open();
  EXPECT_EQ(send(*authority_, make_request("GET",
                                           "/?Action=AssumeRoleWithSAML&"
                                           "Version=2015-04-01&Format=JSON"))
                .code(),
            "InvalidApi.NotFound");
  EXPECT_EQ(send(*authority_, make_request("GET",
                                           "/?Action=AssumeRole&Version=2014-01-01&"
                                           "Format=JSON"))
                .code(),
            "InvalidApi.NotFound");
  EXPECT_EQ(send(*authority_, make_request("GET", "/?Format=JSON")).code(), "MissingAction");
  EXPECT_EQ(send(*authority_, make_request("PUT", "/?Action=AssumeRole&Format=JSON")).status, 405);
}

TEST_F(StsTest, CallerIdentityTellsUserAndSession) {
  open();
  const auto who = [this](const KeyPair& keys, const std::string& nonce) {
    return send(*authority_,
                rpc_request(keys, clock_.wall_now(), nonce, {{"Action", "GetCallerIdentity"}}))
        .body;
  };
  EXPECT_EQ(who(base_, "a")["Arn"], "acs:ram::1750000000000000:user/stsfs");
  EXPECT_EQ(who(base_, "b")["IdentityType"], "RAMUser");
  const json session = who(assume_as(base_).keys(), "c");
  EXPECT_EQ(session["IdentityType"], "AssumedRoleUser");
  EXPECT_EQ(session["Arn"], "acs:ram::1750000000000000:assumed-role/stsfs-full/session");
  EXPECT_EQ(session["AccountId"], "1750000000000000");
}

json user(const std::string& name, const json& policies = json::array()) {
  return {{"name", name},
          {"access_key_id", name + "-id"},
          {"access_key_secret", name + "-secret"},
          {"policies", policies}};
}
json allow(const std::string& action, const std::string& resource) {
  json statement = {{"Effect", "Allow"}, {"Action", action}, {"Resource", resource}};
  return {{"Version", "1"}, {"Statement", json::array({statement})}};
}

TEST_F(StsTest, ConfiguredUsersNeedTheRightAndTheRolesTrust) {
  json trust_statement = {{"Effect", "Allow"},
                          {"Action", "sts:AssumeRole"},
                          {"Principal", {{"RAM", kAccount.substr(0, 25) + ":user/ann"}}},
                          {"Condition", {{"StringEquals", {{"sts:ExternalId", "door"}}}}}};
  json role = {{"name", "backup"},
               {"max_session_duration", "12h"},
               {"trust_policy", {{"Version", "1"}, {"Statement", json::array({trust_statement})}}},
               {"policies", json::array({allow("oss:*", "*")})}};
  const json may_assume = json::array({allow("sts:AssumeRole", "acs:ram:*:*:role/backup")});
  json config;
  config["users"] = json::array({user("ann", may_assume), user("bob", may_assume), user("cid")});
  config["users"].push_back(user("dan", may_assume));
  config["users"].back()["active"] = false;
  config["roles"] = json::array({role});
  open(config);
  const std::string arn = kAccount + "backup";
  const auto keys = [](const std::string& name) {
    return KeyPair{name + "-id", name + "-secret", ""};
  };
  const auto granted =
      assume_as(keys("ann"), {{"ExternalId", "door"}, {"DurationSeconds", "43200"}}, arn);
  EXPECT_EQ(granted.status, 200) << granted.body.dump();
  EXPECT_EQ(verified_arn(granted.keys()), "acs:ram::1750000000000000:assumed-role/backup/session");
  EXPECT_EQ(assume_as(keys("ann"), {}, arn).code(), "NoPermission") << "no external id";
  EXPECT_EQ(assume_as(keys("ann"), {}, role_).code(), "NoPermission") << "another role";
  EXPECT_EQ(assume_as(keys("bob"), {{"ExternalId", "door"}}, arn).code(), "NoPermission")
      << "not trusted";
  const auto refused = assume_as(keys("cid"), {{"ExternalId", "door"}}, arn);
  EXPECT_EQ(refused.status, 403) << "no right";
  EXPECT_EQ(refused.code(), "NoPermission");
  EXPECT_EQ(assume_as(keys("dan"), {{"ExternalId", "door"}}, arn).code(),
            "InvalidAccessKeyId.Inactive");
}

TEST_F(StsTest, TheBuiltInNamesAndKeysCanBeGiven) {
  open({{"account", "1234"},
        {"access_key_id", "testak"},
        {"access_key_secret", "testsk"},
        {"role_name", "ramosstest"}});
  EXPECT_EQ(base_.id, "testak");
  EXPECT_EQ(role_, "acs:ram::1234:role/ramosstest");
  EXPECT_EQ(assume_as({"testak", "testsk", ""}).status, 200);
}

TEST_F(StsTest, TheSeedRoleCoversTheBucketsOfTheConfiguration) {
  open({{"buckets", {"examplebucket", "more"}}});
  EXPECT_THAT(authority_->buckets(), ::testing::ElementsAre("examplebucket", "more"));
  const KeyPair keys = assume_as(base_, {}, authority_->identity().seed_role_arn).keys();
  const auto verified =
      authority_->verify(v4_request(keys, clock_.wall_now(), "more", "k"), "more", "k", {});
  ASSERT_TRUE(std::holds_alternative<Verified>(verified));
  const auto& principal = std::get<Verified>(verified).principal;
  EXPECT_FALSE(authority_->authorize(principal, "oss:GetObject", "acs:oss:*:*:more/k", {}));
  EXPECT_TRUE(authority_->authorize(principal, "oss:GetObject", "acs:oss:*:*:other/k", {}));
}

TEST_F(StsTest, AConfigurationThatIsNotUnderstoodIsRefusedByName) {
  const std::pair<json, std::string> rows[] = {
      {{{"acount", "1"}}, "'acount'"},
      {{{"users", "me"}}, "'users'"},
      {{{"users", json::array({{{"name", "x"}}})}}, "'access_key_id'"},
      {{{"roles", json::array({{{"name", "stsfs-full"}}})}}, "stsfs-full"},
      {{{"roles", json::array({{{"name", "r"}, {"policies", json::array({1})}}})}}, "JSON object"},
      {{{"roles", json::array({{{"name", "r"}, {"trust_policy", {{"Statement", 1}}}}})}},
       "trust policy"},
      {{{"ecs_role", "none"}}, "'ecs_role'"},
      {{{"max_session_duration", -5}}, "'max_session_duration'"},
      {{{"users", json::array({user("STS.x")})}}, "STS."},
      {{{"users", json::array({user("a"), user("a")})}}, "a-id"},
  };
  for (const auto& [config, named] : rows) {
    AuthorityOptions options;
    options.config_file = folder_ + "/bad.json";
    std::ofstream(options.config_file) << config.dump();
    const auto opened = Authority::open(options, clock_);
    ASSERT_FALSE(opened) << config.dump();
    EXPECT_THAT(opened.error().message, HasSubstr(named));
    EXPECT_THAT(opened.error().message, StartsWith(options.config_file));
  }
  AuthorityOptions options;
  options.config_file = folder_ + "/none.json";
  EXPECT_EQ(Authority::open(options, clock_).error().kind, core::ErrorKind::NotFound);
}

class OidcTest : public StsTest {
 protected:
  void open_with(const Issuer& issuer, const json& more = json::object()) {
    const std::string file = folder_ + "/jwks.json";
    std::ofstream(file) << issuer.jwks().dump();
    json provider = {{"name", "p"},
                     {"issuer", "https://issuer.test"},
                     {"client_ids", {"sts.aliyuncs.com", "other"}},
                     {"jwks_file", file}};
    json config = {{"oidc_providers", json::array({provider})}};
    config.update(more);
    open(config);
  }
  StsAnswer assume_with(const std::string& token, const std::string& provider = "p",
                        const std::string& role = {}) {
    const std::string body =
        "Action=AssumeRoleWithOIDC&Version=2015-04-01&Format=JSON&RoleSessionName=pod-1&RoleArn=" +
        core::percent_encode(role.empty() ? role_ : role) +
        "&OIDCToken=" + core::percent_encode(token) + "&OIDCProviderArn=" +
        core::percent_encode("acs:ram::1750000000000000:oidc-provider/" + provider);
    std::string operation;
    const Answer answer = authority_->sts(
        make_request("POST", "/", {{"Content-Type", "application/x-www-form-urlencoded"}}), body,
        {}, operation);
    return {answer.status, json::parse(answer.body, nullptr, false)};
  }
  [[nodiscard]] json claims(core::Duration lifetime = 5min) const {
    return {{"iss", "https://issuer.test"},
            {"sub", "system:serviceaccount:ns:sa"},
            {"aud", {"sts.aliyuncs.com"}},
            {"iat", core::unix_seconds(clock_.wall_now())},
            {"exp", core::unix_seconds(clock_.wall_now() + lifetime)}};
  }
};

TEST_F(OidcTest, ATokenOfTheProviderGivesASession) {
  const Issuer issuer;
  open_with(issuer);
  const auto answer = assume_with(issuer.token(claims()));
  ASSERT_EQ(answer.status, 200) << answer.body.dump();
  EXPECT_EQ(verified_arn(answer.keys()), "acs:ram::1750000000000000:assumed-role/stsfs-full/pod-1");
  EXPECT_EQ(answer.body["OIDCTokenInfo"]["Subject"], "system:serviceaccount:ns:sa");
}

TEST_F(OidcTest, OtherTokensAreRefused) {
  const Issuer issuer;
  open_with(issuer);
  const std::string invalid = "AuthenticationFail.OIDCToken.Invalid";
  EXPECT_EQ(assume_with(Issuer().token(claims())).code(), invalid) << "another key";
  EXPECT_EQ(assume_with(issuer.token(claims(), "none")).code(), invalid);
  json other = claims();
  other["iss"] = "https://else.test";
  EXPECT_EQ(assume_with(issuer.token(other)).code(), invalid);
  other = claims();
  other["aud"] = "nobody";
  EXPECT_EQ(assume_with(issuer.token(other)).code(), invalid);
  other = claims();
  other.erase("exp");
  EXPECT_EQ(assume_with(issuer.token(other)).code(), invalid);
  std::string changed = issuer.token(claims());
  changed[changed.find('.') + 3] ^= 1;
  EXPECT_EQ(assume_with(changed).code(), invalid);
  EXPECT_EQ(assume_with("abc.def").code(), invalid);
  EXPECT_EQ(assume_with("x").code(), "InvalidParameter.OIDCToken");
  EXPECT_EQ(assume_with(issuer.token(claims()), "q").code(), "EntityNotExist.OIDCProvider");
  EXPECT_EQ(assume_with(issuer.token(claims(-1s))).code(), "AuthenticationFail.OIDCToken.Expired");
}

TEST_F(OidcTest, TheTrustPolicyMayAskForASubject) {
  const Issuer issuer;
  json statement = {
      {"Effect", "Allow"},
      {"Action", "sts:AssumeRole"},
      {"Principal", {{"Federated", "acs:ram::1750000000000000:oidc-provider/p"}}},
      {"Condition", {{"StringEquals", {{"oidc:sub", "system:serviceaccount:ns:sa"}}}}}};
  json role = {{"name", "pod"}, {"trust_policy", {{"Statement", json::array({statement})}}}};
  open_with(issuer, {{"roles", json::array({role})}});
  EXPECT_EQ(assume_with(issuer.token(claims()), "p", kAccount + "pod").status, 200);
  json other = claims();
  other["sub"] = "system:serviceaccount:ns:else";
  EXPECT_EQ(assume_with(issuer.token(other), "p", kAccount + "pod").code(), "NoPermission");
}

TEST_F(OidcTest, OneTokenMayBeAcceptedAsItIs) {
  AuthorityOptions options;
  options.oidc_token = "good-token";
  open({}, options);
  EXPECT_EQ(assume_with("good-token", "anything").status, 200);
  EXPECT_EQ(assume_with("bad-token", "anything").code(), "EntityNotExist.OIDCProvider");
}

}  // namespace
}  // namespace emulator
