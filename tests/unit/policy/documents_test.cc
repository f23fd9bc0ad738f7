#include "policy/documents.h"

#include <gmock/gmock.h>

#include "emulator/account/policy.h"

namespace policy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const emulator::Place kPlace{"cn-hangzhou", "1"};

std::string compact(const std::string& bucket, const std::string& prefix, Rights rights = {}) {
  return location_policy(ram_grammar(), bucket, prefix, rights, Layout::Compact);
}

/// Whether the service, which has code of its own for this, would allow it.
bool allows(const std::string& policy, const std::string& action, const std::string& path,
            const emulator::ConditionValues& said = {}) {
  const auto parsed = emulator::Policy::parse(policy, kPlace);
  EXPECT_TRUE(parsed) << policy << ": " << core::describe(parsed.error());
  return parsed &&
         parsed->decide(action, "acs:oss:cn-hangzhou:1:" + path, said) == emulator::Verdict::Allow;
}

TEST(LocationPolicy, IsWrittenAsRamTakesIt) {
  EXPECT_EQ(compact("b", "data/a/", {.read_only = true}),
            R"({"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:GetObject",)"
            R"("oss:GetObjectVersion"],"Resource":["acs:oss:*:*:b/data/a/*"]},{"Effect":"Allow",)"
            R"("Action":["oss:ListObjects"],"Resource":["acs:oss:*:*:b"],)"
            R"("Condition":{"StringLike":{"oss:Prefix":["data/a/*"]}}}]})");
  EXPECT_THAT(location_policy(ram_grammar(), "b", "", {}, Layout::Indented),
              HasSubstr("\n  \"Statement\": [\n"));
}

TEST(LocationPolicy, IsWrittenAsS3TakesIt) {
  EXPECT_EQ(
      location_policy(iam_grammar(), "b", "data/a/", {}, Layout::Compact),
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",)"
      R"("Action":["s3:GetObject","s3:GetObjectVersion","s3:PutObject","s3:DeleteObject",)"
      R"("s3:AbortMultipartUpload","s3:GetObjectAcl","s3:PutObjectAcl","s3:GetObjectTagging",)"
      R"("s3:PutObjectTagging"],"Resource":["arn:aws:s3:::b/data/a/*"]},)"
      R"({"Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::b"],)"
      R"("Condition":{"StringLike":{"s3:prefix":["data/a/*"]}}}]})");
}

TEST(LocationPolicy, AllowsWhatTheMountNeedsAndNothingElse) {
  const std::string writing = compact("b", "data/a/");
  const std::string reading = compact("b", "data/a/", {.read_only = true});
  for (const char* action : {"oss:PutObject", "oss:DeleteObject", "oss:AbortMultipartUpload",
                             "oss:GetObject", "oss:GetObjectVersion", "oss:GetObjectAcl",
                             "oss:PutObjectAcl", "oss:GetObjectTagging", "oss:PutObjectTagging"}) {
    const bool reads =
        action == std::string("oss:GetObject") || action == std::string("oss:GetObjectVersion");
    EXPECT_TRUE(allows(writing, action, "b/data/a/x/y")) << action;
    EXPECT_TRUE(allows(writing, action, "b/data/a/")) << action;
    EXPECT_EQ(allows(reading, action, "b/data/a/x"), reads) << action;
    for (const char* elsewhere : {"b/data/b/x", "b/data/a", "b/data/ab", "c/data/a/x", "b"}) {
      EXPECT_FALSE(allows(writing, action, elsewhere)) << action << " " << elsewhere;
    }
  }
  EXPECT_FALSE(allows(writing, "oss:PutBucketAcl", "b"));
  EXPECT_FALSE(allows(writing, "oss:DeleteObjectVersion", "b/data/a/x"));
}

TEST(LocationPolicy, AllowsKeysToMountsThatUseThem) {
  EXPECT_THAT(compact("b", "a/"), Not(HasSubstr("kms:")));
  EXPECT_THAT(compact("b", "a/", {.use_keys = true}),
              HasSubstr(R"("Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":["*"])"));
  EXPECT_THAT(compact("b", "a/", {.read_only = true, .use_keys = true}),
              HasSubstr(R"("Action":["kms:Decrypt"])"));
}

TEST(LocationPolicy, AllowsListingBelowThePrefixOnly) {
  const std::string policy = compact("b", "data/a/");
  EXPECT_TRUE(allows(policy, "oss:ListObjects", "b", {{"oss:Prefix", "data/a/"}}));
  EXPECT_TRUE(allows(policy, "oss:ListObjects", "b", {{"oss:Prefix", "data/a/deep/"}}));
  EXPECT_TRUE(allows(policy, "oss:ListObjectVersions", "b", {{"oss:Prefix", "data/a/file"}}));
  for (const char* prefix : {"", "data/", "data/a", "data/b/"}) {
    EXPECT_FALSE(allows(policy, "oss:ListObjects", "b", {{"oss:Prefix", prefix}})) << prefix;
  }
  EXPECT_FALSE(allows(policy, "oss:ListObjects", "b")) << "a listing of everything";
  EXPECT_TRUE(allows(compact("b", ""), "oss:ListObjects", "b"));
  EXPECT_FALSE(allows(compact("b", "", {.list = false}), "oss:ListObjects", "b"));
}

TEST(LocationPolicy, SaysNamesThatHoldWildcards) {
  const std::string policy = compact("b", "a*b/${c}?/");
  EXPECT_TRUE(allows(policy, "oss:GetObject", "b/a*b/${c}?/x"));
  EXPECT_TRUE(allows(policy, "oss:ListObjects", "b", {{"oss:Prefix", "a*b/${c}?/"}}));
  EXPECT_FALSE(allows(policy, "oss:GetObject", "b/a--b/${c}?/x")) << "the star is no wildcard";
  EXPECT_FALSE(allows(policy, "oss:GetObject", "b/ab/${c}?/x"));
  EXPECT_THAT(policy, Not(HasSubstr("${")));
}

TEST(ObjectPolicy, AllowsOneObject) {
  const std::string policy = objects_policy(ram_grammar(), {{"b", "a/x*", {"GetObject"}}});
  EXPECT_TRUE(allows(policy, "oss:GetObject", "b/a/x*"));
  EXPECT_FALSE(allows(policy, "oss:GetObject", "b/a/x*y"));
  EXPECT_FALSE(allows(policy, "oss:PutObject", "b/a/x*"));
}

TEST(UserPolicy, AllowsToAssumeTheRole) {
  const auto policy = emulator::Policy::parse(*user_policy("acs:ram::1:role/reader"), kPlace);
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->decide("sts:AssumeRole", "acs:ram::1:role/reader", {}),
            emulator::Verdict::Allow);
  EXPECT_EQ(policy->decide("sts:AssumeRole", "acs:ram::1:role/other", {}),
            emulator::Verdict::Silent);
}

TEST(TrustPolicy, AdmitsTheRolesOwnAccount) {
  const auto policy = trust_policy("acs:ram::12:role/reader", "");
  ASSERT_TRUE(policy);
  EXPECT_THAT(*policy, HasSubstr("acs:ram::12:root"));
  EXPECT_THAT(*policy, Not(HasSubstr("Condition")));
  EXPECT_THAT(*trust_policy("acs:ram::12:role/reader", "partner \"7\""),
              HasSubstr(R"("partner \"7\"")"));
  for (const char* arn : {"", "acs:ram::x:role/r", "acs:ram::1:user/r", "acs:ram::1:role/", "r"}) {
    EXPECT_FALSE(trust_policy(arn, "")) << arn;
  }
}

TEST(TrustPolicy, AdmitsAnIdentityProvider) {
  const auto policy =
      trust_policy("acs:ram::12:role/pod", "acs:ram::12:oidc-provider/cluster",
                   cred::TokenClaims{"https://issuer", "sts.aliyuncs.com", "system:sa:ns:name"});
  ASSERT_TRUE(policy);
  for (const char* said :
       {R"("Federated": [)", R"("acs:ram::12:oidc-provider/cluster")", R"("oidc:iss": [)",
        R"("oidc:aud": [)", R"("oidc:sub": [)", R"("Action": "sts:AssumeRole")"}) {
    EXPECT_THAT(*policy, HasSubstr(said));
  }
  EXPECT_THAT(*trust_policy("acs:ram::12:role/pod", "acs:ram::12:oidc-provider/cluster",
                            cred::TokenClaims{}),
              Not(HasSubstr("Condition")));
  for (const char* provider : {"", "acs:ram::12:role/x", "arn:aws:iam::12:oidc-provider/x"}) {
    EXPECT_FALSE(trust_policy("acs:ram::12:role/pod", provider, cred::TokenClaims{})) << provider;
  }
}

TEST(TrustPolicy, IsWrittenAsIamTakesIt) {
  const std::string role = "arn:aws:iam::12:role/team/reader";
  EXPECT_THAT(*user_policy(role), AllOf(HasSubstr("2012-10-17"), HasSubstr(role)));
  EXPECT_THAT(*trust_policy(role, "door"),
              AllOf(HasSubstr(R"("AWS": [)"), HasSubstr("arn:aws:iam::12:root"),
                    HasSubstr("sts:ExternalId")));
  EXPECT_THAT(*trust_policy("arn:aws-cn:iam::12:role/r", ""), HasSubstr("arn:aws-cn:iam::12:root"));
  EXPECT_THAT(
      *trust_policy(role, "arn:aws:iam::12:oidc-provider/oidc.eks/id/1",
                    cred::TokenClaims{"https://oidc.eks/id/1", "sts.amazonaws.com", "sub"}),
      AllOf(HasSubstr("sts:AssumeRoleWithWebIdentity"), HasSubstr(R"("oidc.eks/id/1:aud": [)"),
            HasSubstr(R"("oidc.eks/id/1:sub": [)"), Not(HasSubstr("iss"))));
  // Ceph's roles may have no account.
  EXPECT_TRUE(user_policy("arn:aws:iam:::role/r"));
  EXPECT_THAT(trust_policy("arn:aws:iam:::role/r", "").error().message, HasSubstr("no account"));
}

TEST(SessionPolicy, NamesTheLineAndTheColumnWhereItIsNoJson) {
  const auto said = [](const std::string& text) { return as_session_policy(text).error().message; };
  EXPECT_THAT(said("{\n  \"Version\": \"1\",\n  oops\n}"), HasSubstr("line 3, column 3"));
  EXPECT_THAT(said("{\"ü\": x}"), HasSubstr("line 1, column 7"));
  EXPECT_THAT(said("{\n\"Statement\": [\n"), HasSubstr("line 3, column 1"));
  EXPECT_THAT(said(""), HasSubstr("line 1, column 1"));
}

TEST(SessionPolicy, IsCompactAndOfBoundedLength) {
  EXPECT_EQ(*as_session_policy("{ \"Version\" : \"1\",\n \"Statement\" : [ ] }\n"),
            R"({"Version":"1","Statement":[]})");
  EXPECT_THAT(as_session_policy("{\"Version\":\"1\"").error().message, HasSubstr("JSON"));
  EXPECT_THAT(as_session_policy("[]").error().message, HasSubstr("Statement"));
  const auto of = [](std::size_t size) {
    const std::string frame = R"({"Statement":""})";
    return R"({"Statement":")" + std::string(size - frame.size(), 'x') + "\"}";
  };
  EXPECT_TRUE(as_session_policy(of(2048)));
  EXPECT_THAT(as_session_policy(of(2049)).error().message, HasSubstr("2049"));
}

}  // namespace
}  // namespace policy
