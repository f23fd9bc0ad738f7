// AWS's STS through the authority: who may assume what, how refusals look, and what the tokens
// open.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "unit/emulator/authority_client.h"
#include "unit/emulator/issuer.h"

namespace emulator {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kRole = "arn:aws:iam::1750000000000000:role/stsfs-full";

std::string form_of(const Params& params) {
  std::string form;
  for (const auto& [name, value] : params) {
    form +=
        (form.empty() ? "" : "&") + core::percent_encode(name) + "=" + core::percent_encode(value);
  }
  return form;
}

/// A request signed with SigV4; the payload's hash is a header for S3 only.
RawRequest v4_signed(const KeyPair& keys, core::WallTime when, const std::string& method,
                     const std::string& path, const std::string& body, const std::string& service) {
  const std::string date = core::format_compact(when);
  const std::string scope = date.substr(0, 8) + "/us-east-1/" + service + "/aws4_request";
  const std::string hash = core::hex(core::sha256(body));
  Fields headers = {{"host", "127.0.0.1:1"}};
  if (service == "s3") {
    headers.emplace_back("x-amz-content-sha256", hash);
  }
  headers.emplace_back("x-amz-date", date);
  if (!keys.token.empty()) {
    headers.emplace_back("x-amz-security-token", keys.token);
  }
  std::string canonical = method + "\n" + path + "\n\n";
  std::string names;
  for (const auto& [name, value] : headers) {
    canonical += name + ":" + value + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  canonical += "\n" + names + "\n" + hash;
  std::string key = core::hmac_sha256("AWS4" + keys.secret, date.substr(0, 8));
  for (const std::string& part : {std::string("us-east-1"), service, std::string("aws4_request")}) {
    key = core::hmac_sha256(key, part);
  }
  const std::string signature = core::hex(core::hmac_sha256(
      key, "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + core::hex(core::sha256(canonical))));
  headers.emplace_back("authorization", "AWS4-HMAC-SHA256 Credential=" + keys.id + "/" + scope +
                                            ", SignedHeaders=" + names +
                                            ", Signature=" + signature);
  if (method == "POST") {
    headers.emplace_back("content-type", "application/x-www-form-urlencoded");
  }
  return make_request(method, path, headers);
}

struct AwsAnswer {
  int status = 0;
  std::string body;
  /// The text of the first element of that name; empty if there is none.
  [[nodiscard]] std::string text(const std::string& name) const {
    const auto begin = body.find("<" + name + ">");
    if (begin == std::string::npos) {
      return {};
    }
    const auto first = begin + name.size() + 2;
    return body.substr(first, body.find("</" + name + ">") - first);
  }
  [[nodiscard]] std::string code() const { return text("Code"); }
  [[nodiscard]] KeyPair keys() const {
    return {text("AccessKeyId"), text("SecretAccessKey"), text("SessionToken")};
  }
};

class AwsStsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "aws-sts-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void open(const json& config = json::object(), AuthorityOptions options = {}) {
    options.config_file = folder_ + "/config.json";
    std::ofstream(options.config_file) << config.dump();
    auto opened = Authority::open(std::move(options), clock_);
    ASSERT_TRUE(opened) << opened.error().message;
    authority_ = *std::move(opened);
    base_ = base_keys(*authority_);
  }
  AwsAnswer send(const RawRequest& request, const std::string& body,
                 core::Duration clock_offset = {}) {
    std::string operation;
    const Answer answer = authority_->sts(request, body, clock_offset, operation);
    EXPECT_EQ(answer.content_type, "text/xml");
    return {answer.status, answer.body};
  }
  AwsAnswer call(const KeyPair& keys, const Params& params, core::Duration clock_offset = {}) {
    const std::string body = form_of(params);
    return send(v4_signed(keys, clock_.wall_now(), "POST", "/", body, "sts"), body, clock_offset);
  }
  AwsAnswer assume(const KeyPair& keys, const Params& more = {}, const std::string& role = kRole) {
    Params params = {{"Action", "AssumeRole"}, {"Version", "2011-06-15"}, {"RoleArn", role}};
    const bool named = std::any_of(more.begin(), more.end(), [](const auto& param) {
      return param.first == "RoleSessionName";
    });
    if (!named) {
      params.emplace_back("RoleSessionName", "session");
    }
    params.insert(params.end(), more.begin(), more.end());
    return call(keys, params);
  }
  AwsAnswer assume_with(const std::string& token, const std::string& role = kRole) {
    const std::string body = form_of({{"Action", "AssumeRoleWithWebIdentity"},
                                      {"Version", "2011-06-15"},
                                      {"RoleArn", role},
                                      {"RoleSessionName", "pod-1"},
                                      {"WebIdentityToken", token}});
    return send(make_request("POST", "/", {{"Content-Type", "application/x-www-form-urlencoded"}}),
                body);
  }
  /// What S3 says to these keys: who they are, or the refusal's code.
  [[nodiscard]] std::variant<Verified, ServiceError> at_s3(const KeyPair& keys) const {
    return authority_->verify(
        v4_signed(keys, clock_.wall_now(), "GET", "/examplebucket/k", "", "s3"), "examplebucket",
        "k", {});
  }
  [[nodiscard]] std::string arn_at_s3(const KeyPair& keys) const {
    const auto verified = at_s3(keys);
    return std::holds_alternative<Verified>(verified) ? std::get<Verified>(verified).principal.arn
                                                      : std::get<ServiceError>(verified).code;
  }

  std::string folder_;
  test::FakeClock clock_;
  std::unique_ptr<Authority> authority_;
  KeyPair base_;
};

TEST_F(AwsStsTest, AssumeRoleAnswersAsTheServiceDoes) {
  open();
  const auto answer = assume(base_, {{"DurationSeconds", "900"}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("<AssumeRoleResponse "
                                     "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                                     "<AssumeRoleResult><Credentials>"));
  EXPECT_THAT(answer.keys().id, StartsWith("ASIA"));
  EXPECT_EQ(answer.text("Expiration"), "2024-01-02T03:19:05Z");
  EXPECT_EQ(answer.text("Arn"), "arn:aws:sts::1750000000000000:assumed-role/stsfs-full/session");
  EXPECT_THAT(answer.body, HasSubstr("</AssumeRoleResult><ResponseMetadata><RequestId>"));
  EXPECT_EQ(assume(base_).text("Expiration"), "2024-01-02T04:04:05Z") << "an hour unless told";
  EXPECT_EQ(authority_->identity().aws_role_arn, kRole);
}

TEST_F(AwsStsTest, ItsTokensOpenS3UntilTheyEnd) {
  open();
  const KeyPair keys = assume(base_, {{"DurationSeconds", "900"}}).keys();
  EXPECT_EQ(arn_at_s3(keys), "acs:ram::1750000000000000:assumed-role/stsfs-full/session");
  EXPECT_EQ(arn_at_s3({keys.id, keys.secret, ""}), "InvalidAccessKeyId");
  EXPECT_EQ(arn_at_s3({keys.id, keys.secret, "x"}), "InvalidToken");
  clock_.advance(900s);
  const auto expired = at_s3(keys);
  ASSERT_TRUE(std::holds_alternative<ServiceError>(expired));
  EXPECT_EQ(std::get<ServiceError>(expired).code, "ExpiredToken");
  EXPECT_EQ(std::get<ServiceError>(expired).status, 400);
}

TEST_F(AwsStsTest, ExpiredTokensCanBeRefusedAsCephDoes) {
  AuthorityOptions options;
  options.expired_as_denied = true;
  open(json::object(), options);
  const KeyPair keys = assume(base_).keys();
  clock_.advance(1h);
  EXPECT_EQ(arn_at_s3(keys), "AccessDenied");
}

TEST_F(AwsStsTest, SessionPoliciesAreEnforcedInIamsWords) {
  open();
  const std::string policy =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject",)"
      R"("Resource":"arn:aws:s3:::examplebucket/a/*"}]})";
  const auto answer = assume(base_, {{"Policy", policy}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.text("PackedPolicySize"), "6");
  const auto verified = at_s3(answer.keys());
  ASSERT_TRUE(std::holds_alternative<Verified>(verified));
  const auto may = [&](const std::string& action, const std::string& key) {
    return !authority_->authorize(std::get<Verified>(verified).principal, action,
                                  "acs:oss:*:*:examplebucket/" + key, {});
  };
  EXPECT_TRUE(may("oss:GetObject", "a/x"));
  EXPECT_FALSE(may("oss:GetObject", "b/x"));
  EXPECT_FALSE(may("oss:PutObject", "a/x"));
}

struct AwsRefusal {
  std::string name;
  Params params;
  std::string role;
  int status;
  std::string code;
};
class AwsStsRefuses : public AwsStsTest, public ::testing::WithParamInterface<AwsRefusal> {};
TEST_P(AwsStsRefuses, ByName) {
  open();
  const auto answer = assume(base_, GetParam().params, GetParam().role);
  EXPECT_EQ(answer.status, GetParam().status) << answer.body;
  EXPECT_EQ(answer.code(), GetParam().code);
  EXPECT_THAT(answer.body,
              HasSubstr("<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                        "<Error><Type>Sender</Type>"));
  EXPECT_NE(answer.text("RequestId"), "");
}
INSTANTIATE_TEST_SUITE_P(
    Table, AwsStsRefuses,
    ::testing::Values(
        AwsRefusal{"UnknownRole", {}, kRole + "x", 403, "AccessDenied"},
        AwsRefusal{"OtherAccount", {}, "arn:aws:iam::17:role/stsfs-full", 403, "AccessDenied"},
        AwsRefusal{"ShortArn", {}, "role", 400, "ValidationError"},
        AwsRefusal{"RamArn", {}, "acs:ram::1750000000000000:role/x", 400, "ValidationError"},
        AwsRefusal{"OddSession", {{"RoleSessionName", "a b"}}, kRole, 400, "ValidationError"},
        AwsRefusal{"TooShort", {{"DurationSeconds", "899"}}, kRole, 400, "ValidationError"},
        AwsRefusal{"TooLong", {{"DurationSeconds", "3601"}}, kRole, 400, "ValidationError"},
        AwsRefusal{"NoNumber", {{"DurationSeconds", "1h"}}, kRole, 400, "MalformedInput"},
        AwsRefusal{"BadPolicy", {{"Policy", "{nope"}}, kRole, 400, "MalformedPolicyDocument"},
        AwsRefusal{"RamPolicy",
                   {{"Policy", R"({"Version":"1","Statement":[]})"}},
                   kRole,
                   400,
                   "MalformedPolicyDocument"},
        AwsRefusal{
            "LongPolicy", {{"Policy", std::string(2049, ' ')}}, kRole, 400, "ValidationError"},
        AwsRefusal{"ManagedPolicy",
                   {{"PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"}},
                   kRole,
                   400,
                   "ValidationError"},
        AwsRefusal{"ShortExternalId", {{"ExternalId", "x"}}, kRole, 400, "ValidationError"}),
    [](const auto& row) { return row.param.name; });

TEST_F(AwsStsTest, WrongSignersAreRefusedByName) {
  open();
  const auto wrong = assume({base_.id, "bad", ""});
  EXPECT_EQ(wrong.status, 403);
  EXPECT_EQ(wrong.code(), "SignatureDoesNotMatch");
  EXPECT_THAT(wrong.text("Message"), HasSubstr("Canonical String"));
  EXPECT_EQ(assume({"nobody", "bad", ""}).code(), "InvalidClientTokenId");
  const KeyPair session = assume(base_).keys();
  EXPECT_EQ(assume({session.id, session.secret, ""}).code(), "InvalidClientTokenId");
  EXPECT_EQ(assume(session).code(), "AccessDenied") << "the full role may use OSS only";
  clock_.advance(1h);
  EXPECT_EQ(assume(session).code(), "ExpiredToken");
}

TEST_F(AwsStsTest, TheBodyIsSigned) {
  open();
  const std::string body = form_of({{"Action", "GetCallerIdentity"}, {"Version", "2011-06-15"}});
  const auto request = v4_signed(base_, clock_.wall_now(), "POST", "/", body, "sts");
  EXPECT_EQ(send(request, body).status, 200);
  EXPECT_EQ(send(request, body + "&x=y").code(), "SignatureDoesNotMatch");
  const auto s3 = v4_signed(base_, clock_.wall_now(), "POST", "/", body, "s3");
  EXPECT_EQ(send(s3, body).code(), "SignatureDoesNotMatch") << "another service's scope";
  EXPECT_EQ(
      send(make_request("POST", "/", {{"Content-Type", "application/x-www-form-urlencoded"}}), body)
          .code(),
      "MissingAuthenticationToken");
}

TEST_F(AwsStsTest, AClockThatIsOffIsToldSo) {
  open();
  const Params who = {{"Action", "GetCallerIdentity"}, {"Version", "2011-06-15"}};
  const auto late = call(base_, who, 16min);
  EXPECT_EQ(late.code(), "SignatureDoesNotMatch");
  EXPECT_THAT(late.text("Message"), StartsWith("Signature expired: 20240102T030405Z is now "
                                               "earlier than 20240102T030505Z "));
  EXPECT_THAT(call(base_, who, -16min).text("Message"), StartsWith("Signature not yet current: "));
  EXPECT_EQ(call(base_, who, 14min).status, 200);
}

TEST_F(AwsStsTest, UnknownActionsAreRefused) {
  open();
  EXPECT_EQ(call(base_, {{"Action", "GetSessionToken"}, {"Version", "2011-06-15"}}).code(),
            "InvalidAction");
  EXPECT_EQ(call(base_, {{"Version", "2011-06-15"}}).code(), "MissingAction");
}

TEST_F(AwsStsTest, CallerIdentityTellsUserAndSession) {
  open();
  const Params who = {{"Action", "GetCallerIdentity"}, {"Version", "2011-06-15"}};
  EXPECT_EQ(call(base_, who).text("Arn"), "arn:aws:iam::1750000000000000:user/stsfs");
  EXPECT_EQ(call(base_, who).text("Account"), "1750000000000000");
  EXPECT_EQ(call(assume(base_).keys(), who).text("Arn"),
            "arn:aws:sts::1750000000000000:assumed-role/stsfs-full/session");
}

TEST_F(AwsStsTest, ChainsAreAnHourAtMost) {
  json role = {{"name", "broker"},
               {"policies", json::array({{{"Version", "2012-10-17"},
                                          {"Statement", json::array({{{"Effect", "Allow"},
                                                                      {"Action", "sts:AssumeRole"},
                                                                      {"Resource", "*"}}})}}})}};
  open({{"max_session_duration", "12h"}, {"roles", json::array({role})}});
  const KeyPair broker = assume(base_, {}, "arn:aws:iam::1750000000000000:role/broker").keys();
  EXPECT_EQ(assume(base_, {{"DurationSeconds", "7200"}}).status, 200);
  EXPECT_EQ(assume(broker, {{"DurationSeconds", "3600"}}).status, 200);
  EXPECT_EQ(assume(broker, {{"DurationSeconds", "7200"}}).code(), "ValidationError");
}

TEST_F(AwsStsTest, AWebIdentityGivesASession) {
  const Issuer issuer;
  const std::string file = folder_ + "/jwks.json";
  std::ofstream(file) << issuer.jwks().dump();
  json provider = {{"name", "p"},
                   {"issuer", "https://issuer.test"},
                   {"client_ids", {"sts.amazonaws.com"}},
                   {"jwks_file", file}};
  open({{"oidc_providers", json::array({provider})}});
  const auto claims = [this](core::Duration lifetime) {
    return json{{"iss", "https://issuer.test"},
                {"sub", "system:serviceaccount:ns:sa"},
                {"aud", {"sts.amazonaws.com"}},
                {"iat", core::unix_seconds(clock_.wall_now())},
                {"exp", core::unix_seconds(clock_.wall_now() + lifetime)}};
  };
  const auto answer = assume_with(issuer.token(claims(5min)));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(arn_at_s3(answer.keys()), "acs:ram::1750000000000000:assumed-role/stsfs-full/pod-1");
  EXPECT_EQ(answer.text("SubjectFromWebIdentityToken"), "system:serviceaccount:ns:sa");
  EXPECT_EQ(answer.text("Provider"), "arn:aws:iam::1750000000000000:oidc-provider/p");
  EXPECT_EQ(assume_with(Issuer().token(claims(5min))).code(), "InvalidIdentityToken");
  EXPECT_EQ(assume_with(issuer.token(claims(-1s))).code(), "ExpiredTokenException");
  EXPECT_EQ(assume_with(issuer.token(claims(5min)), kRole + "x").code(), "AccessDenied");
  EXPECT_EQ(assume_with("x").code(), "ValidationError");
}

TEST_F(AwsStsTest, OneWebIdentityMayBeAcceptedAsItIs) {
  AuthorityOptions options;
  options.oidc_token = "good-token";
  open(json::object(), options);
  EXPECT_EQ(assume_with("good-token").status, 200);
  EXPECT_EQ(assume_with("bad-token").code(), "InvalidIdentityToken");
}

}  // namespace
}  // namespace emulator
