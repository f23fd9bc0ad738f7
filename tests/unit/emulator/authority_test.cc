// The authority as the server sees it: keys, tokens, rights, times.
#include "emulator/account/authority.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "unit/emulator/authority_client.h"

namespace emulator {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::Pair;

class AuthorityTest : public ::testing::Test {
 protected:
  void open(AuthorityOptions options = {}) {
    auto opened = Authority::open(std::move(options), clock_);
    ASSERT_TRUE(opened) << opened.error().message;
    authority_ = *std::move(opened);
    base_ = base_keys(*authority_);
  }
  [[nodiscard]] std::variant<Verified, ServiceError> verify(const RawRequest& request,
                                                            core::Duration offset = {}) const {
    return authority_->verify(request, "examplebucket", "k", offset);
  }
  /// "ok", or code and EC of the refusal.
  [[nodiscard]] std::string outcome(const RawRequest& request, core::Duration offset = {}) const {
    const auto verified = verify(request, offset);
    const auto* error = std::get_if<ServiceError>(&verified);
    return error == nullptr ? "ok" : error->code + " " + error->ec;
  }
  [[nodiscard]] RawRequest get(const KeyPair& keys) const {
    return v4_request(keys, clock_.wall_now(), "examplebucket", "k");
  }
  [[nodiscard]] bool may(const KeyPair& keys, std::string_view action,
                         std::string_view resource) const {
    const auto verified = verify(get(keys));
    EXPECT_TRUE(std::holds_alternative<Verified>(verified));
    return !authority_->authorize(std::get<Verified>(verified).principal, action, resource, {});
  }
  [[nodiscard]] KeyPair session(Params more = {}) {
    const auto answer = assume(*authority_, base_, clock_.wall_now(),
                               authority_->identity().role_arn, std::move(more));
    EXPECT_EQ(answer.status, 200) << answer.body.dump();
    return answer.keys();
  }

  test::FakeClock clock_;
  std::unique_ptr<Authority> authority_;
  KeyPair base_;
};

TEST_F(AuthorityTest, TheBaseUserMayDoEverythingInAllDialects) {
  open();
  const auto now = clock_.wall_now();
  EXPECT_EQ(outcome(v1_request(base_, now, "examplebucket", "k")), "ok");
  EXPECT_EQ(outcome(v1_url(base_, now + 60s)), "ok");
  const auto verified = verify(get(base_));
  ASSERT_TRUE(std::holds_alternative<Verified>(verified));
  const auto& principal = std::get<Verified>(verified).principal;
  EXPECT_EQ(principal.kind, Principal::Kind::User);
  EXPECT_EQ(principal.arn, "acs:ram::1750000000000000:user/stsfs");
  EXPECT_TRUE(may(base_, "oss:DeleteBucket", "acs:oss:*:*:anything"));
}

TEST_F(AuthorityTest, WithoutASignatureOneIsNobody) {
  open();
  const auto verified = verify(make_request("GET", "/examplebucket/k"));
  ASSERT_TRUE(std::holds_alternative<Verified>(verified));
  const auto& principal = std::get<Verified>(verified).principal;
  EXPECT_EQ(principal.kind, Principal::Kind::Anonymous);
  const auto error =
      authority_->authorize(principal, "oss:GetObject", "acs:oss:*:*:examplebucket/k", {});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->status, 403);
  EXPECT_EQ(error->code, "AccessDenied");
}

TEST_F(AuthorityTest, KeysThatAreNotOursAreUnknown) {
  open();
  EXPECT_EQ(outcome(get({"nobody", "s", ""})), "InvalidAccessKeyId 0002-00000902");
  EXPECT_EQ(outcome(get({"nobody", "s", "t"})), "InvalidAccessKeyId 0002-00000002");
  EXPECT_EQ(outcome(get({base_.id, base_.secret, "t"})), "InvalidAccessKeyId 0002-00000002");
  EXPECT_EQ(outcome(get({base_.id, "wrong", ""})), "SignatureDoesNotMatch 0002-00000040");
}

TEST_F(AuthorityTest, ASessionHasTheRightsOfItsRole) {
  open();
  const KeyPair keys = session();
  EXPECT_TRUE(keys.id.starts_with("STS."));
  EXPECT_EQ(keys.token.find_first_of("+%/= "), std::string::npos);
  const auto verified = verify(get(keys));
  ASSERT_TRUE(std::holds_alternative<Verified>(verified));
  EXPECT_EQ(std::get<Verified>(verified).principal.arn,
            "acs:ram::1750000000000000:assumed-role/stsfs-full/session");
  EXPECT_EQ(outcome(v1_request(keys, clock_.wall_now(), "examplebucket", "k")), "ok");
  EXPECT_EQ(outcome(v1_url(keys, clock_.wall_now() + 60s)), "ok");
  EXPECT_TRUE(may(keys, "oss:ListObjects", "acs:oss:*:*:newbucket"));
  EXPECT_FALSE(may(keys, "sts:AssumeRole", "acs:ram::1750000000000000:role/stsfs-seed"));
}

TEST_F(AuthorityTest, TheSeedRoleMayGetAndPutOnly) {
  open();
  const auto answer =
      assume(*authority_, base_, clock_.wall_now(), authority_->identity().seed_role_arn);
  const KeyPair keys = answer.keys();
  EXPECT_TRUE(may(keys, "oss:GetObject", "acs:oss:*:*:examplebucket/a/b"));
  EXPECT_TRUE(may(keys, "oss:PutObject", "acs:oss:*:*:examplebucket/a"));
  EXPECT_FALSE(may(keys, "oss:DeleteObject", "acs:oss:*:*:examplebucket/a"));
  EXPECT_FALSE(may(keys, "oss:ListObjects", "acs:oss:*:*:examplebucket"));
  EXPECT_FALSE(may(keys, "oss:GetObject", "acs:oss:*:*:otherbucket/a"));
}

TEST_F(AuthorityTest, ASessionPolicyNarrowsTheRole) {
  open();
  const KeyPair keys = session({{"Policy",
                                 "{\"Version\": \"1\",\n\"Statement\": [{\"Effect\": \"Allow\", "
                                 "\"Action\": \"oss:GetObject\", \"Resource\": "
                                 "\"acs:oss:*:*:examplebucket/ä b/*\"}]}"}});
  EXPECT_TRUE(may(keys, "oss:GetObject", "acs:oss:*:*:examplebucket/ä b/c"));
  EXPECT_FALSE(may(keys, "oss:GetObject", "acs:oss:*:*:examplebucket/c"));
  EXPECT_FALSE(may(keys, "oss:PutObject", "acs:oss:*:*:examplebucket/ä b/c"));
}

TEST_F(AuthorityTest, AWrongTokenIsRefused) {
  open();
  const KeyPair keys = session();
  const KeyPair other = session();
  EXPECT_EQ(outcome(get({keys.id, keys.secret, ""})), "InvalidAccessKeyId 0002-00000902");
  EXPECT_EQ(outcome(get({keys.id, keys.secret, other.token})),
            "InvalidSecurityToken 0002-00000008");
  EXPECT_EQ(outcome(get({keys.id, keys.secret, keys.token + "x"})),
            "InvalidSecurityToken 0002-00000006");
  for (std::size_t at = 0; at < keys.token.size(); ++at) {
    std::string changed = keys.token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(outcome(get({keys.id, keys.secret, changed})), "InvalidSecurityToken 0002-00000006")
        << at;
  }
  EXPECT_EQ(outcome(get({keys.id, other.secret, keys.token})),
            "SignatureDoesNotMatch 0002-00000040");
}

TEST_F(AuthorityTest, ATokenEndsWhenItSays) {
  AuthorityOptions options;
  options.min_duration = 1s;
  open(options);
  const KeyPair keys = session({{"DurationSeconds", "6"}});
  clock_.advance(5999ms);
  EXPECT_EQ(outcome(get(keys)), "ok");
  EXPECT_EQ(outcome(get(keys), 1s), "SecurityTokenExpired 0002-00000007") << "the service's clock";
  clock_.advance(1ms);
  EXPECT_EQ(outcome(get(keys)), "SecurityTokenExpired 0002-00000007");
  EXPECT_EQ(outcome(v1_url(keys, clock_.wall_now() + 60s)), "SecurityTokenExpired 0002-00000007")
      << "the shorter of URL and token wins";
}

TEST_F(AuthorityTest, ExpiryMayShowAsAnInvalidKey) {
  AuthorityOptions options;
  options.expired_as_invalid_key = true;
  open(options);
  const KeyPair keys = session();
  clock_.advance(1h);
  EXPECT_EQ(outcome(get(keys)), "InvalidAccessKeyId 0002-00000002");
}

TEST_F(AuthorityTest, RevocationEndsWhatWasIssuedAndNothingElse) {
  open();
  const KeyPair keys = session();
  ASSERT_TRUE(authority_->revoke_all());
  EXPECT_EQ(outcome(get(keys)), "InvalidSecurityToken 0002-00000008");
  EXPECT_EQ(outcome(get(session())), "ok");
  EXPECT_EQ(outcome(get(base_)), "ok");
}

TEST_F(AuthorityTest, FifteenMinutesOfSkewAreAllowed) {
  open();
  const RawRequest request = get(base_);
  EXPECT_EQ(outcome(request, 15min), "ok");
  EXPECT_EQ(outcome(request, -15min), "ok");
  EXPECT_EQ(outcome(request, 15min + 1s), "RequestTimeTooSkewed 0002-00000504");
  const auto late = verify(request, -15min - 1s);
  ASSERT_TRUE(std::holds_alternative<ServiceError>(late));
  EXPECT_THAT(std::get<ServiceError>(late).details,
              ::testing::ElementsAre(Pair("MaxAllowedSkewMilliseconds", "900000"),
                                     Pair("RequestTime", "2024-01-02T03:04:05.000Z"),
                                     Pair("ServerTime", "2024-01-02T02:49:04.000Z")));
}

TEST_F(AuthorityTest, AUrlEndsWhenItSays) {
  open();
  const RawRequest url = v1_url(base_, clock_.wall_now() + 60s);
  clock_.advance(59s);
  EXPECT_EQ(outcome(url), "ok");
  clock_.advance(1s);
  const auto expired = verify(url);
  ASSERT_TRUE(std::holds_alternative<ServiceError>(expired));
  const auto& error = std::get<ServiceError>(expired);
  EXPECT_EQ(error.status, 403);
  EXPECT_EQ(error.code, "AccessDenied");
  EXPECT_EQ(error.message, "Request has expired.");
  EXPECT_EQ(error.ec, "0002-00000069");
  EXPECT_THAT(error.details, Contains(Pair("Expires", "2024-01-02T03:05:05.000Z")));
}

TEST_F(AuthorityTest, TheRegionOfAVersion4ScopeCounts) {
  open();
  const auto request = v4_request(base_, clock_.wall_now(), "examplebucket", "k", "cn-beijing");
  const auto verified = verify(request);
  ASSERT_TRUE(std::holds_alternative<ServiceError>(verified));
  EXPECT_EQ(std::get<ServiceError>(verified).status, 400);
  EXPECT_EQ(std::get<ServiceError>(verified).message,
            "Invalid signing region in Authorization header.");
  EXPECT_EQ(std::get<ServiceError>(verified).ec, "0002-00000226");
}

struct LimitCase {
  std::string query;
  std::string peer;
  std::string forwarded;
  bool admitted;
};

TEST_F(AuthorityTest, UrlsMayBeLimitedToCallers) {
  AuthorityOptions options;
  options.client_vpc = "vpc-ours";
  open(options);
  const LimitCase rows[] = {
      {"x-oss-ac-source-ip=127.0.0.1&x-oss-ac-subnet-mask=32", "127.0.0.1", "", true},
      {"x-oss-ac-source-ip=10.9.8.7", "127.0.0.1", "", false},
      {"x-oss-ac-source-ip=127.44.5.6&x-oss-ac-subnet-mask=8", "127.0.0.1", "", true},
      {"x-oss-ac-source-ip=127.44.5.6&x-oss-ac-subnet-mask=x", "127.0.0.1", "", false},
      {"x-oss-ac-source-ip=10.0.0.0/8", "10.9.8.7", "", true},
      {"x-oss-ac-source-ip=10.9.8.7", "127.0.0.1", "10.9.8.7, 1.2.3.4", false},
      {"x-oss-ac-forward-allow=true&x-oss-ac-source-ip=10.9.8.7", "127.0.0.1", "10.9.8.7, 1.2.3.4",
       true},
      {"x-oss-ac-vpc-id=vpc-ours", "127.0.0.1", "", true},
      {"x-oss-ac-vpc-id=vpc-other", "127.0.0.1", "", false},
  };
  for (const auto& row : rows) {
    RawRequest request = v1_url(base_, clock_.wall_now() + 60s, row.query);
    request.peer = row.peer;
    if (!row.forwarded.empty()) {
      request.headers.emplace_back("X-Forwarded-For", row.forwarded);
    }
    EXPECT_EQ(outcome(request), row.admitted ? "ok" : "AccessDenied 0002-00000602") << row.query;
  }
  const RawRequest bare = v1_url(base_, clock_.wall_now() + 60s, rows[0].query);
  RawRequest dropped = bare;
  dropped.query.erase(dropped.query.begin() + 2);
  EXPECT_EQ(outcome(dropped), "SignatureDoesNotMatch 0002-00000040");
}

TEST_F(AuthorityTest, S3RequestsGetS3Refusals) {
  open();
  const std::string date = core::format_compact(clock_.wall_now());
  const auto request = [&](const std::string& id, const std::string& token) {
    Fields headers = {
        {"Host", "127.0.0.1"},
        {"x-amz-date", date},
        {"x-amz-content-sha256", "UNSIGNED-PAYLOAD"},
        {"Authorization", "AWS4-HMAC-SHA256 Credential=" + id + "/" + date.substr(0, 8) +
                              "/us-east-1/s3/aws4_request, SignedHeaders=host, "
                              "Signature=00"}};
    if (!token.empty()) {
      headers.emplace_back("x-amz-security-token", token);
    }
    return make_request("GET", "/examplebucket/k", headers);
  };
  const KeyPair keys = session();
  EXPECT_EQ(outcome(request(base_.id, "")), "SignatureDoesNotMatch 0002-00000040");
  EXPECT_EQ(outcome(request("nobody", "")), "InvalidAccessKeyId 0002-00000902");
  EXPECT_EQ(outcome(request(keys.id, "x")), "InvalidToken 0002-00000006");
  EXPECT_EQ(outcome(request(base_.id, ""), 1h), "RequestTimeTooSkewed 0002-00000501");
  EXPECT_EQ(outcome(request(keys.id, keys.token), 1h), "ExpiredToken 0002-00000007");
}

class PersistentAuthority : public AuthorityTest {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "authority-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    options_.data_dir = name + "/data";
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  AuthorityOptions options_;
  std::string folder_;
};

TEST_F(PersistentAuthority, KeysTokensAndRevocationsSurviveARestart) {
  open(options_);
  const KeyPair revoked = session();
  ASSERT_TRUE(authority_->revoke_all());
  const KeyPair keys = session({{"Policy", R"({"Statement":[]})"}});
  const KeyPair base = base_;
  authority_.reset();  // as after a kill: nothing is written on the way out
  open(options_);
  EXPECT_EQ(base_.id, base.id);
  EXPECT_EQ(base_.secret, base.secret);
  EXPECT_EQ(outcome(get(keys)), "ok");
  EXPECT_FALSE(may(keys, "oss:GetObject", "acs:oss:*:*:examplebucket/k"))
      << "the session policy is part of the token";
  EXPECT_EQ(outcome(get(revoked)), "InvalidSecurityToken 0002-00000008");
}

TEST_F(PersistentAuthority, TheStateIsForItsOwnerOnly) {
  open(options_);
  struct stat info {};
  ASSERT_EQ(::stat((options_.data_dir + "/authority.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(PersistentAuthority, ADamagedStateIsNotReplaced) {
  open(options_);
  std::ofstream(options_.data_dir + "/authority.json") << "{\"access_key_id\":";
  const auto opened = Authority::open(options_, clock_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, core::ErrorKind::Corrupt);
}

TEST_F(PersistentAuthority, RevocationThatCannotBeWrittenDownDoesNotHappen) {
  open(options_);
  const KeyPair keys = session();
  std::filesystem::remove_all(options_.data_dir);
  EXPECT_FALSE(authority_->revoke_all());
  EXPECT_EQ(outcome(get(keys)), "ok");
}

TEST_F(AuthorityTest, RightsOfARoleAreTakenAndGivenBackWhileItsTokensAreOut) {
  open();
  const std::string role = "stsfs-full";
  const std::string object = "acs:oss:*:*:examplebucket/k";
  const KeyPair keys = session();
  ASSERT_TRUE(may(keys, "oss:GetObject", object));
  ASSERT_TRUE(authority_->set_policies(role, {}));
  EXPECT_FALSE(may(keys, "oss:GetObject", object));
  ASSERT_TRUE(authority_->set_policies(
      role, {R"({"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:Get*",)"
             R"("Resource":"*"}]})"}));
  EXPECT_TRUE(may(keys, "oss:GetObject", object));
  EXPECT_FALSE(may(keys, "oss:PutObject", object));
  ASSERT_TRUE(authority_->restore_policies(role));
  EXPECT_TRUE(may(keys, "oss:PutObject", object));
  EXPECT_FALSE(authority_->set_policies("nobody", {}));
  EXPECT_FALSE(authority_->set_policies(role, {"{}"}));
  EXPECT_TRUE(may(keys, "oss:PutObject", object));
}

TEST_F(AuthorityTest, TellsARequestSignedTooLateFromOneThatArrivedTooLate) {
  AuthorityOptions options;
  options.min_duration = 1s;
  open(std::move(options));
  const KeyPair keys = session({{"DurationSeconds", "10"}});
  const RawRequest in_time = get(keys);
  clock_.advance(12s);
  EXPECT_EQ(outcome(in_time), "SecurityTokenExpired 0002-00000007");
  EXPECT_EQ(authority_->signed_past_expiry(), 0U);
  EXPECT_EQ(outcome(get(keys)), "SecurityTokenExpired 0002-00000007");
  EXPECT_EQ(authority_->signed_past_expiry(), 1U);
}

}  // namespace
}  // namespace emulator
