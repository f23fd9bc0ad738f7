#include "app/sign_url.h"

#include <gmock/gmock.h>

#include "app/command_line.h"

namespace app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

core::Result<SignUrlSettings> settings_of(std::vector<std::string> words) {
  words.insert(words.begin(), {"stsfs", "sign-url"});
  words.insert(words.end(), {"--region", "cn-hangzhou"});
  const auto invocation = parse_command_line(words, {});
  if (!invocation) {
    return invocation.error();
  }
  return sign_url_settings(invocation->values, {});
}

std::string refusal(std::vector<std::string> more) {
  more.insert(more.begin(), {"get", "oss://b-1/k"});
  const auto settings = settings_of(std::move(more));
  EXPECT_FALSE(settings);
  return settings ? std::string() : settings.error().message;
}

TEST(SignUrl, TakesTheKeyAsItIs) {
  const auto settings = settings_of({"put", "oss://b-1/dir//a%2Fb+c?x#y/"});
  ASSERT_TRUE(settings) << core::describe(settings.error());
  EXPECT_EQ(settings->service.store.bucket, "b-1");
  EXPECT_EQ(settings->request.key.text(), "dir//a%2Fb+c?x#y/");
  EXPECT_EQ(settings->request.method, store::UrlMethod::Put);
  EXPECT_EQ(settings->request.lifetime, std::chrono::seconds{60});
}

TEST(SignUrl, TakesHeadersParametersAndRestrictions) {
  const auto settings = settings_of(
      {"get", "oss://b-1/k", "--header", "Accept: a, b;q=1", "--header", "x-oss-meta-a:b:c",
       "--query", "response-content-disposition=attachment; filename=\"a=b, c\"", "--expires", "2h",
       "--traffic-limit", "100KiB/s", "--source-ip", "10.0.0.0/8", "--vpc-id", "vpc-1",
       "--forward-allow", "--version-id", "V"});
  ASSERT_TRUE(settings) << core::describe(settings.error());
  const store::UrlRequest& request = settings->request;
  EXPECT_THAT(request.headers,
              ElementsAre(Pair("Accept", "a, b;q=1"), Pair("x-oss-meta-a", "b:c")));
  EXPECT_THAT(request.parameters,
              ElementsAre(Pair("response-content-disposition", "attachment; filename=\"a=b, c\"")));
  EXPECT_EQ(request.lifetime, std::chrono::hours{2});
  EXPECT_EQ(request.restrictions.bytes_per_second, 102400U);
  EXPECT_EQ(request.restrictions.source_ip, "10.0.0.0");
  EXPECT_EQ(request.restrictions.subnet_bits, 8U);
  EXPECT_EQ(request.restrictions.vpc_id, "vpc-1");
  EXPECT_TRUE(request.restrictions.trust_forwarded_for);
  EXPECT_EQ(request.version_id, "V");
}

TEST(SignUrl, NarrowsTheSessionToWhatTheUrlIsFor) {
  const auto settings = settings_of(
      {"delete", "oss://b-1/a/k", "--version-id", "V", "--role-arn", "acs:ram::1:role/x"});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->service.source.role.policy,
            R"({"Version":"1","Statement":[{"Effect":"Allow",)"
            R"("Action":["oss:DeleteObjectVersion"],"Resource":["acs:oss:*:*:b-1/a/k"]}]})");
}

struct UrlRights {
  std::vector<std::string> words;  ///< method and options
  std::string actions;             ///< on oss://b-1/k
};
class SessionOfAUrl : public ::testing::TestWithParam<UrlRights> {};

TEST_P(SessionOfAUrl, MayDoWhatTheUrlIsForAndNoMore) {
  std::vector<std::string> words = GetParam().words;
  words.insert(words.begin() + 1, "oss://b-1/k");
  words.insert(words.end(), {"--role-arn", "acs:ram::1:role/x"});
  const auto settings = settings_of(words);
  ASSERT_TRUE(settings) << core::describe(settings.error());
  EXPECT_EQ(settings->service.source.role.policy,
            R"({"Version":"1","Statement":[{"Effect":"Allow","Action":[)" + GetParam().actions +
                R"(],"Resource":["acs:oss:*:*:b-1/k"]}]})");
}

INSTANTIATE_TEST_SUITE_P(
    Requests, SessionOfAUrl,
    ::testing::Values(
        UrlRights{{"get"}, R"("oss:GetObject")"}, UrlRights{{"head"}, R"("oss:GetObject")"},
        UrlRights{{"head", "--version-id", "V"}, R"("oss:GetObjectVersion")"},
        UrlRights{{"get", "--query", "versionId=V"}, R"("oss:GetObjectVersion")"},
        UrlRights{{"get", "--query", "acl"}, R"("oss:GetObjectAcl")"},
        UrlRights{{"get", "--query", "tagging", "--version-id", "V"},
                  R"("oss:GetObjectVersionTagging")"},
        UrlRights{{"get", "--query", "uploadId=U"}, R"("oss:ListParts")"},
        UrlRights{{"put"}, R"("oss:PutObject")"},
        UrlRights{{"put", "--header", "versionId: V"}, R"("oss:PutObject")"},
        UrlRights{
            {"put", "--header", "X-Oss-Object-Acl: private", "--header", "x-oss-tagging: a=b"},
            R"("oss:PutObject","oss:PutObjectAcl","oss:PutObjectTagging")"},
        UrlRights{{"put", "--query", "acl"}, R"("oss:PutObjectAcl")"},
        UrlRights{{"put", "--query", "partNumber=1", "--query", "uploadId=U"},
                  R"("oss:PutObject")"},
        UrlRights{{"post", "--query", "append", "--query", "position=0"}, R"("oss:PutObject")"},
        UrlRights{{"post", "--query", "restore"}, R"("oss:RestoreObject")"},
        UrlRights{{"delete"}, R"("oss:DeleteObject")"},
        UrlRights{{"delete", "--query", "uploadId=U"}, R"("oss:AbortMultipartUpload")"}));

TEST(SignUrl, LetsACopyReadItsSource) {
  const auto settings = settings_of({"put", "oss://b-1/k", "--role-arn", "acs:ram::1:role/x",
                                     "--header", "x-oss-copy-source: /b-2/a%20b?versionId=V"});
  ASSERT_TRUE(settings);
  EXPECT_THAT(settings->service.source.role.policy,
              HasSubstr(R"("Action":["oss:GetObjectVersion"],)"
                        R"("Resource":["acs:oss:*:*:b-2/a b"])"));
}

TEST(SignUrl, NarrowsTheSessionInTheOtherGrammarToo) {
  const auto settings = settings_of(
      {"get", "s3://b-1/k", "--version-id", "V", "--role-arn", "arn:aws:iam::1:role/x"});
  ASSERT_TRUE(settings) << core::describe(settings.error());
  EXPECT_EQ(settings->service.source.role.policy,
            R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",)"
            R"("Action":["s3:GetObjectVersion"],"Resource":["arn:aws:s3:::b-1/k"]}]})");
}

TEST(SignUrl, RefusesWhatMakesNoSense) {
  for (const char* object : {"", "b-1/k", "oss://b-1", "oss://b-1/", "oss://B/k", "http://b-1/k"}) {
    EXPECT_FALSE(settings_of({"get", object})) << object;
  }
  EXPECT_FALSE(settings_of({"list", "oss://b-1/k"}));
  EXPECT_THAT(refusal({"--expires", "0"}), HasSubstr("at least 1s"));
  EXPECT_THAT(refusal({"--header", "Accept"}), HasSubstr("NAME: VALUE"));
  EXPECT_THAT(refusal({"--header", "Authorization: x"}), HasSubstr("cannot be signed"));
  EXPECT_THAT(refusal({"--query", "=a"}), HasSubstr("needs a name"));
  EXPECT_THAT(refusal({"--query", "acl", "--query", "acl=1"}), HasSubstr("twice"));
  EXPECT_THAT(refusal({"--traffic-limit", "fast"}), HasSubstr("100KiB/s"));
  EXPECT_THAT(refusal({"--source-ip", "10.0.0.0/x"}), HasSubstr("ADDRESS/BITS"));
  EXPECT_THAT(refusal({"--source-ip", "10.0.0.0/8", "--subnet-mask", "8"}), HasSubstr("twice"));
  EXPECT_THAT(refusal({"--curl", "--json"}), HasSubstr("--json"));
}

TEST(CurlCommand, IsSafeInAShell) {
  store::SignedUrl url;
  url.url = "https://h/it's?a=b&c=d";
  url.headers = {{"x-oss-meta-a", "$(rm) 'x'"}, {"x-oss-empty", ""}};
  EXPECT_EQ(curl_command(store::UrlMethod::Put, url),
            "curl --fail -X PUT --upload-file FILE -H 'x-oss-meta-a: $(rm) '\\''x'\\''' "
            "-H 'x-oss-empty;' 'https://h/it'\\''s?a=b&c=d'");
}

TEST(CurlCommand, LeavesThePathAlone) {
  store::SignedUrl url;
  url.url = "https://h/a/../b?x=/../";
  EXPECT_EQ(curl_command(store::UrlMethod::Get, url),
            "curl --fail -X GET --path-as-is 'https://h/a/../b?x=/../'");
  url.url = "http://[::1]:80/b";
  EXPECT_EQ(curl_command(store::UrlMethod::Head, url),
            "curl --fail --head --globoff '" + url.url + "'");
  url.url = "https://h/a..b";
  EXPECT_THAT(curl_command(store::UrlMethod::Delete, url), Not(HasSubstr("as-is")));
}

TEST(SignUrlJson, HasTheMembersThatArePromised) {
  store::SignedUrl url;
  url.url = "https://h/k";
  url.expires = core::wall_from_unix(1704164645);
  url.limited_by_token = true;
  url.headers = {{"Content-Type", "text/plain"}};
  EXPECT_EQ(as_json(store::UrlMethod::Put, url),
            R"({"url":"https://h/k","method":"PUT","expires_at":"2024-01-02T03:04:05Z",)"
            R"("limited_by":"token","headers":{"Content-Type":"text/plain"}})");
}

}  // namespace
}  // namespace app
