#include <gmock/gmock.h>

#include "emulator/account/network.h"
#include "emulator/account/policy.h"
#include "emulator/account/trust.h"
#include "emulator/account/wildcard.h"

namespace emulator {
namespace {

using ::testing::HasSubstr;

const Place kPlace = {"cn-hangzhou", "1750000000000000"};

Policy policy(const std::string& statements) {
  auto parsed = Policy::parse(R"({"Version":"1","Statement":[)" + statements + "]}", kPlace);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? *std::move(parsed) : Policy();
}

std::string statement(const std::string& effect, const std::string& action,
                      const std::string& resource, const std::string& more = {}) {
  return R"({"Effect":")" + effect + R"(","Action":)" + action + R"(,"Resource":)" + resource +
         more + "}";
}

const std::string kObject = "acs:oss:*:*:examplebucket/dir/a:b.txt";

TEST(Wildcard, Matches) {
  EXPECT_TRUE(wildcard_match("*", ""));
  EXPECT_TRUE(wildcard_match("a*c", "abbc"));
  EXPECT_TRUE(wildcard_match("*ab*ab", "abxabab"));
  EXPECT_TRUE(wildcard_match("a?c", "abc"));
  EXPECT_FALSE(wildcard_match("a?c", "ac"));
  EXPECT_FALSE(wildcard_match("a*c", "abcd"));
  EXPECT_FALSE(wildcard_match("", "a"));
  EXPECT_FALSE(wildcard_match("oss:get*", "oss:GetObject"));
  EXPECT_TRUE(wildcard_match("oss:get*", "oss:GetObject", /*ignore_case=*/true));
}

struct Case {
  std::string name;
  std::string statements;
  std::string action;
  std::string resource;
  Verdict want;
};

class PolicyDecides : public ::testing::TestWithParam<Case> {};
TEST_P(PolicyDecides, As) {
  EXPECT_EQ(policy(GetParam().statements).decide(GetParam().action, GetParam().resource, {}),
            GetParam().want);
}
INSTANTIATE_TEST_SUITE_P(
    Table, PolicyDecides,
    ::testing::Values(
        Case{"Everything", statement("Allow", R"("*")", R"("*")"), "oss:GetObject", kObject,
             Verdict::Allow},
        Case{"ActionFamilyWithoutCase", statement("Allow", R"(["oss:get*"])", R"("*")"),
             "oss:GetObject", kObject, Verdict::Allow},
        Case{"OtherAction", statement("Allow", R"("oss:GetObject")", R"("*")"), "oss:GetObjectAcl",
             kObject, Verdict::Silent},
        Case{"Prefix",
             statement("Allow", R"("oss:*")",
                       R"(["acs:oss:*:*:other","acs:oss:*:*:examplebucket/dir/*"])"),
             "oss:GetObject", kObject, Verdict::Allow},
        Case{"OtherPrefix",
             statement("Allow", R"("oss:*")", R"("acs:oss:*:*:examplebucket/file/*")"),
             "oss:GetObject", kObject, Verdict::Silent},
        Case{"ObjectsAreNotTheBucket",
             statement("Allow", R"("oss:*")", R"("acs:oss:*:*:examplebucket/*")"),
             "oss:ListObjects", "acs:oss:*:*:examplebucket", Verdict::Silent},
        Case{"OurRegionAndAccount",
             statement("Allow", R"("oss:*")",
                       R"("acs:oss:oss-cn-hangzhou:1750000000000000:examplebucket/*")"),
             "oss:GetObject", kObject, Verdict::Allow},
        Case{"OtherAccount", statement("Allow", R"("oss:*")", R"("acs:oss:*:1:examplebucket/*")"),
             "oss:GetObject", kObject, Verdict::Silent},
        Case{"OtherRegion",
             statement("Allow", R"("oss:*")", R"("acs:oss:cn-beijing:*:examplebucket/*")"),
             "oss:GetObject", kObject, Verdict::Silent},
        Case{"OtherService", statement("Allow", R"("*")", R"("acs:ram:*:*:*")"), "oss:GetObject",
             kObject, Verdict::Silent},
        Case{"DenyWinsWhereverItStands",
             statement("Deny", R"("oss:Get*")", R"("acs:oss:*:*:*/dir/*")") + "," +
                 statement("Allow", R"("*")", R"("*")"),
             "oss:GetObject", kObject, Verdict::Deny},
        Case{"DenyOfSomethingElse",
             statement("Allow", R"("*")", R"("*")") + "," +
                 statement("Deny", R"("oss:Delete*")", R"("*")"),
             "oss:GetObject", kObject, Verdict::Allow},
        Case{"NotAction", R"({"Effect":"Allow","NotAction":"oss:Put*","Resource":"*"})",
             "oss:GetObject", kObject, Verdict::Allow},
        Case{"NotActionExcludes", R"({"Effect":"Allow","NotAction":"oss:Get*","Resource":"*"})",
             "oss:GetObject", kObject, Verdict::Silent},
        Case{"NotResourceExcludes",
             R"({"Effect":"Allow","Action":"*","NotResource":"acs:oss:*:*:examplebucket/*"})",
             "oss:GetObject", kObject, Verdict::Silent}),
    [](const auto& row) { return row.param.name; });

struct ConditionCase {
  std::string name;
  std::string block;
  ConditionValues values;
  Verdict want;
};
class PolicyConditions : public ::testing::TestWithParam<ConditionCase> {};
TEST_P(PolicyConditions, Decide) {
  const auto& row = GetParam();
  const Policy with =
      policy(statement("Allow", R"("*")", R"("*")", R"(,"Condition":)" + row.block));
  EXPECT_EQ(with.decide("oss:ListObjects", "acs:oss:*:*:b", row.values), row.want);
}
INSTANTIATE_TEST_SUITE_P(
    Table, PolicyConditions,
    ::testing::Values(
        ConditionCase{"Equals",
                      R"({"StringEquals":{"oss:Prefix":["a/","b/"]}})",
                      {{"oss:Prefix", "b/"}},
                      Verdict::Allow},
        ConditionCase{"KeysHaveNoCase",
                      R"({"StringEquals":{"oss:prefix":"b/"}})",
                      {{"oss:Prefix", "b/"}},
                      Verdict::Allow},
        ConditionCase{"EqualsOther",
                      R"({"StringEquals":{"oss:Prefix":"a/"}})",
                      {{"oss:Prefix", "A/"}},
                      Verdict::Silent},
        ConditionCase{
            "EqualsAbsent", R"({"StringEquals":{"oss:Prefix":"a/"}})", {}, Verdict::Silent},
        ConditionCase{
            "NotEqualsAbsent", R"({"StringNotEquals":{"oss:Prefix":"a/"}})", {}, Verdict::Allow},
        ConditionCase{"NotEqualsSame",
                      R"({"StringNotEquals":{"oss:Prefix":"a/"}})",
                      {{"oss:Prefix", "a/"}},
                      Verdict::Silent},
        ConditionCase{"IgnoreCase",
                      R"({"StringEqualsIgnoreCase":{"oss:Prefix":"a/"}})",
                      {{"oss:Prefix", "A/"}},
                      Verdict::Allow},
        ConditionCase{"Like",
                      R"({"StringLike":{"oss:Prefix":"home/*"}})",
                      {{"oss:Prefix", "home/x"}},
                      Verdict::Allow},
        ConditionCase{"AllMustHold",
                      R"({"StringLike":{"oss:Prefix":"*"},"StringEquals":{"oss:Delimiter":"/"}})",
                      {{"oss:Prefix", "x"}},
                      Verdict::Silent},
        ConditionCase{"Ip",
                      R"({"IpAddress":{"acs:SourceIp":["10.0.0.0/8","127.0.0.1"]}})",
                      {{"acs:SourceIp", "127.0.0.1"}},
                      Verdict::Allow},
        ConditionCase{"IpOutside",
                      R"({"IpAddress":{"acs:SourceIp":"10.0.0.0/8"}})",
                      {{"acs:SourceIp", "11.0.0.1"}},
                      Verdict::Silent},
        ConditionCase{"NotIp",
                      R"({"NotIpAddress":{"acs:SourceIp":"10.0.0.0/8"}})",
                      {{"acs:SourceIp", "11.0.0.1"}},
                      Verdict::Allow},
        ConditionCase{"Bool",
                      R"({"Bool":{"acs:SecureTransport":true}})",
                      {{"acs:SecureTransport", "true"}},
                      Verdict::Allow}),
    [](const auto& row) { return row.param.name; });

TEST(Network, ContainsByPrefix) {
  EXPECT_TRUE(Network::parse("127.44.5.6", 8)->contains("127.0.0.1"));
  EXPECT_FALSE(Network::parse("127.0.0.1")->contains("127.0.0.2"));
  EXPECT_TRUE(Network::parse("2001:db8::/33")->contains("2001:db8:7fff::1"));
  EXPECT_FALSE(Network::parse("2001:db8::/33")->contains("2001:db8:8000::1"));
  EXPECT_FALSE(Network::parse("0.0.0.0/0")->contains("::1"));
  EXPECT_FALSE(Network::parse("10.0.0.0/33"));
  EXPECT_FALSE(Network::parse("10.0.0.0/x"));
  EXPECT_FALSE(Network::parse("ten"));
}

TEST(Policy, WhatIsNotUnderstoodIsRefusedByName) {
  const std::pair<std::string, std::string> rows[] = {
      {"{nope", "JSON object"},
      {"[]", "JSON object"},
      {R"({"Version":"1"})", "Statement"},
      {R"({"Version":"2012-10-18","Statement":[]})", "Version"},
      {R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*",
          "Resource":"acs:oss:*:*:b"}]})",
       "arn:aws"},
      {R"({"Statement":[],"Id":"x"})", "'Id'"},
      {R"({"Statement":[{"Effect":"Maybe","Action":"*","Resource":"*"}]})", "Effect"},
      {R"({"Statement":[{"Effect":"Allow","Resource":"*"}]})", "Action"},
      {R"({"Statement":[{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}]})",
       "Action"},
      {R"({"Statement":[{"Effect":"Allow","Action":[],"Resource":"*"}]})", "Action"},
      {R"({"Statement":[{"Effect":"Allow","Action":[1],"Resource":"*"}]})", "strings"},
      {R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"bucket"}]})", "'bucket'"},
      {R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}]})",
       "'Principal'"},
      {R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*",
          "Condition":{"DateLessThan":{"acs:CurrentTime":"x"}}}]})",
       "DateLessThan"},
      {R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*",
          "Condition":{"IpAddress":{"acs:SourceIp":"home"}}}]})",
       "'home'"},
  };
  for (const auto& [document, named] : rows) {
    const auto parsed = Policy::parse(document, kPlace);
    ASSERT_FALSE(parsed) << document;
    EXPECT_THAT(parsed.error().message, HasSubstr(named)) << document;
  }
}

struct IamCase {
  std::string name;
  std::string statements;
  std::string action;
  std::string resource;
  ConditionValues values;
  Verdict want;
};
class IamPolicyDecides : public ::testing::TestWithParam<IamCase> {};
TEST_P(IamPolicyDecides, As) {
  const auto parsed = Policy::parse(
      R"({"Version":"2012-10-17","Statement":[)" + GetParam().statements + "]}", kPlace);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->grammar(), Policy::Grammar::Iam);
  EXPECT_EQ(parsed->decide(GetParam().action, GetParam().resource, GetParam().values),
            GetParam().want);
}
const std::string kBucket = "acs:oss:*:*:examplebucket";
INSTANTIATE_TEST_SUITE_P(
    Table, IamPolicyDecides,
    ::testing::Values(
        IamCase{"Get",
                statement("Allow", R"(["s3:GetObject"])", R"("arn:aws:s3:::examplebucket/dir/*")"),
                "oss:GetObject",
                kObject,
                {},
                Verdict::Allow},
        IamCase{"OtherKey",
                statement("Allow", R"("s3:*")", R"("arn:aws:s3:::examplebucket/file/*")"),
                "oss:GetObject",
                kObject,
                {},
                Verdict::Silent},
        IamCase{"WordsOfRamMeanNothing",
                statement("Allow", R"("oss:*")", R"("*")"),
                "oss:GetObject",
                kObject,
                {},
                Verdict::Silent},
        IamCase{"ListingHasAnotherName",
                statement("Allow", R"("s3:ListBucket")", R"("arn:aws:s3:::examplebucket")",
                          R"(,"Condition":{"StringLike":{"s3:prefix":["home/*"]}})"),
                "oss:ListObjects",
                kBucket,
                {{"oss:Prefix", "home/x"}},
                Verdict::Allow},
        IamCase{"ListingElsewhere",
                statement("Allow", R"("s3:ListBucket")", R"("arn:aws:s3:::examplebucket")",
                          R"(,"Condition":{"StringLike":{"s3:prefix":["home/*"]}})"),
                "oss:ListObjects",
                kBucket,
                {{"oss:Prefix", "x"}},
                Verdict::Silent},
        IamCase{"Address",
                statement("Allow", R"("s3:*")", R"("*")",
                          R"(,"Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}})"),
                "oss:PutObject",
                kObject,
                {{"acs:SourceIp", "127.0.0.1"}},
                Verdict::Allow},
        IamCase{"DenyWins",
                statement("Allow", R"("*")", R"("*")") + "," +
                    statement("Deny", R"("s3:PutObject")", R"("arn:aws:s3:::*")"),
                "oss:PutObject",
                kObject,
                {},
                Verdict::Deny},
        IamCase{"Role",
                statement("Allow", R"("sts:AssumeRole")",
                          R"("arn:aws:iam::1750000000000000:role/backup")"),
                "sts:AssumeRole",
                "acs:ram::1750000000000000:role/backup",
                {},
                Verdict::Allow},
        IamCase{"RoleOfAnotherAccount",
                statement("Allow", R"("sts:AssumeRole")", R"("arn:aws:iam::17:role/backup")"),
                "sts:AssumeRole",
                "acs:ram::1750000000000000:role/backup",
                {},
                Verdict::Silent}),
    [](const auto& row) { return row.param.name; });

TEST(Grants, ASessionPolicyOnlyNarrows) {
  const auto shared = [](const std::string& text) {
    return std::make_shared<const Policy>(policy(text));
  };
  const auto get = shared(statement("Allow", R"("oss:GetObject")", R"("*")"));
  const auto all = shared(statement("Allow", R"("*")", R"("*")"));
  const auto no_get = shared(statement("Deny", R"("oss:GetObject")", R"("*")"));
  EXPECT_EQ((Grants{{all}, get}).decide("oss:GetObject", kObject, {}), Verdict::Allow);
  EXPECT_EQ((Grants{{all}, get}).decide("oss:PutObject", kObject, {}), Verdict::Silent);
  EXPECT_EQ((Grants{{get}, all}).decide("oss:PutObject", kObject, {}), Verdict::Silent);
  EXPECT_EQ((Grants{{all, no_get}, nullptr}).decide("oss:GetObject", kObject, {}), Verdict::Deny);
  EXPECT_EQ((Grants{{}, nullptr}).decide("oss:GetObject", kObject, {}), Verdict::Silent);
}

TEST(Trust, TheRootPrincipalMeansTheWholeAccount) {
  const auto trust = TrustPolicy::parse(TrustPolicy::default_document("17"));
  ASSERT_TRUE(trust);
  using Kind = TrustPolicy::Kind;
  EXPECT_TRUE(trust->admits(Kind::Ram, "acs:ram::17:user/anyone", "17", {}));
  EXPECT_FALSE(trust->admits(Kind::Ram, "acs:ram::18:user/anyone", "18", {}));
  EXPECT_TRUE(trust->admits(Kind::Federated, "acs:ram::17:oidc-provider/p", "17", {}));
  EXPECT_FALSE(trust->admits(Kind::Federated, "acs:ram::18:oidc-provider/p", "17", {}));
}

TEST(Trust, NamesAndConditionsLimitIt) {
  const auto trust = TrustPolicy::parse(
      R"({"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
          "Principal":{"RAM":"acs:ram::17:user/ann"},
          "Condition":{"StringEquals":{"sts:ExternalId":"secret"}}}]})");
  ASSERT_TRUE(trust);
  using Kind = TrustPolicy::Kind;
  const ConditionValues right = {{"sts:ExternalId", "secret"}};
  EXPECT_TRUE(trust->admits(Kind::Ram, "acs:ram::17:user/ann", "17", right));
  EXPECT_FALSE(trust->admits(Kind::Ram, "acs:ram::17:user/ann", "17", {}));
  EXPECT_FALSE(trust->admits(Kind::Ram, "acs:ram::17:user/bob", "17", right));
  EXPECT_FALSE(trust->admits(Kind::Federated, "acs:ram::17:user/ann", "17", right));
}

TEST(Trust, IsRefusedWhenMalformed) {
  for (
      const auto* document :
      {"x", R"({"Statement":{}})",
       R"({"Statement":[{"Effect":"Allow","Action":"oss:*","Principal":{"RAM":"*"}}]})",
       R"({"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]})",
       R"({"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"}}]})"}) {
    EXPECT_FALSE(TrustPolicy::parse(document)) << document;
  }
}

}  // namespace
}  // namespace emulator
