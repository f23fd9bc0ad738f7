// What read_claim refuses before any key is looked up.
#include <gtest/gtest.h>

#include "emulator/account/signature.h"
#include "unit/emulator/authority_support.h"

namespace emulator {
namespace {

const Fields kOurV1 = {{"Date", "Tue, 02 Jan 2024 03:04:05 GMT"}};
const Fields kOurV4 = {{"x-oss-content-sha256", "UNSIGNED-PAYLOAD"},
                       {"x-oss-date", "20240102T030405Z"}};

Fields with(Fields fields, std::string name, std::string value) {
  fields.emplace_back(std::move(name), std::move(value));
  return fields;
}

struct Broken {
  std::string name;
  std::string target;
  Fields headers;
  int status;
  std::string code;
  std::string ec;
};

class BrokenForm : public ::testing::TestWithParam<Broken> {};

TEST_P(BrokenForm, IsRefusedByName) {
  const Presented presented =
      read_claim(make_request("GET", GetParam().target, GetParam().headers));
  ASSERT_TRUE(std::holds_alternative<ServiceError>(presented));
  const auto& error = std::get<ServiceError>(presented);
  EXPECT_EQ(error.status, GetParam().status);
  EXPECT_EQ(error.code, GetParam().code);
  EXPECT_EQ(error.ec, GetParam().ec);
}

std::vector<Broken> broken_forms() {
  const std::string auth = "Authorization";
  const auto v4 = [&](const std::string& text) {
    return with(kOurV4, auth, "OSS4-HMAC-SHA256 " + text);
  };
  const std::string credential = "Credential=ak/20240102/cn-hangzhou/oss/aliyun_v4_request";
  const std::string url =
      "/k?x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential=ak/20240102/"
      "cn-hangzhou/oss/aliyun_v4_request&x-oss-date=20240102T030405Z&"
      "x-oss-signature=x";
  return {
      {"HeaderAndUrl", "/k?OSSAccessKeyId=ak&Expires=1&Signature=x", with(kOurV1, auth, "OSS ak:x"),
       400, "InvalidArgument", ""},
      {"UnknownMechanism", "/k", with(kOurV1, auth, "Basic abc"), 400, "InvalidArgument", ""},
      {"S3Version2", "/k?AWSAccessKeyId=ak&Expires=1&Signature=x", {}, 400, "InvalidArgument", ""},
      {"NoDate", "/k", {{auth, "OSS ak:x"}}, 403, "AccessDenied", ""},
      {"BadDate", "/k", {{auth, "OSS ak:x"}, {"Date", "yesterday"}}, 403, "AccessDenied", ""},
      {"YearThatDoesNotFit",
       "/k",
       {{auth, "OSS ak:x"}, {"Date", "Fri, 31 Dec 9999 23:59:59 GMT"}},
       403,
       "AccessDenied",
       ""},
      {"V1NoColon", "/k", with(kOurV1, auth, "OSS ak"), 400, "InvalidArgument", ""},
      {"UrlNoExpires",
       "/k?OSSAccessKeyId=ak&Signature=x",
       {},
       403,
       "AccessDenied",
       "0002-00000067"},
      {"UrlBlankExpires",
       "/k?OSSAccessKeyId=ak&Signature=x&Expires=",
       {},
       403,
       "AccessDenied",
       "0002-00000068"},
      {"UrlBadExpires",
       "/k?OSSAccessKeyId=ak&Signature=x&Expires=soon",
       {},
       403,
       "AccessDenied",
       "0002-00000070"},
      {"UrlHugeExpires",
       "/k?OSSAccessKeyId=ak&Signature=x&Expires=99999999999999",
       {},
       403,
       "AccessDenied",
       "0002-00000070"},
      {"V4EmptyKey", "/k", v4("Credential=/20240102/cn-hangzhou/oss/aliyun_v4_request,Signature=x"),
       400, "InvalidArgument", "0002-00000206"},
      {"V4EmptyAdditional", "/k", v4(credential + ",AdditionalHeaders=,Signature=x"), 400,
       "InvalidArgument", "0002-00000209"},
      {"V4Malformed", "/k", v4("Credential=ak/20240102/oss,Signature=x"), 400, "InvalidArgument",
       "0002-00000213"},
      {"V4OtherDay", "/k",
       v4("Credential=ak/20240103/cn-hangzhou/oss/aliyun_v4_request,Signature=x"), 400,
       "InvalidArgument", "0002-00000213"},
      {"V4PayloadHash",
       "/k",
       {{auth, "OSS4-HMAC-SHA256 " + credential + ",Signature=x"},
        {"x-oss-date", "20240102T030405Z"},
        {"x-oss-content-sha256", "abc"}},
       400,
       "InvalidArgument",
       "0002-00000214"},
      {"V4UrlNoExpires", url, {}, 400, "InvalidArgument", "0002-00000215"},
      {"V4UrlTooLong", url + "&x-oss-expires=604801", {}, 400, "InvalidArgument", ""},
      {"V4UrlEmptyKey",
       "/k?x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential=/20240102/r/oss/"
       "aliyun_v4_request",
       {},
       400,
       "InvalidArgument",
       "0002-00000222"},
      {"UnknownUrlVersion", "/k?x-oss-signature-version=OSS9", {}, 400, "InvalidArgument", ""},
  };
}
INSTANTIATE_TEST_SUITE_P(Forms, BrokenForm, ::testing::ValuesIn(broken_forms()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace emulator
