#include <gmock/gmock.h>

#include "unit/emulator/server_fixture.h"

namespace emulator::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string bytes(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t x = 1;
  for (char& c : text) {
    x = x * 1664525U + 1013904223U;
    c = static_cast<char>(x >> 24U);
  }
  return text;
}

std::string upper_md5(const std::string& text) { return core::upper_hex(core::md5(text)); }

TEST_F(ServerTest, StoresAndGivesBackWithSums) {
  const std::string body = bytes(300'000);
  const WireAnswer stored =
      put("dir/a b", body, {{"Content-Type", "text/x"}, {"x-oss-meta-Who", "me"}});
  EXPECT_EQ(stored.status, 200);
  EXPECT_EQ(stored.header("etag"), "\"" + upper_md5(body) + "\"");
  EXPECT_EQ(put("sum", "123456789").header("x-oss-hash-crc64ecma"), "11051210869376104954");
  const WireAnswer answer = get("dir/a b");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, body);
  EXPECT_EQ(answer.header("content-type"), "text/x");
  EXPECT_EQ(answer.header("x-oss-meta-who"), "me");
  EXPECT_EQ(answer.header("server"), "AliyunOSS");
  EXPECT_THAT(answer.header("x-oss-request-id"), SizeIs(24));
}

TEST_F(ServerTest, RefusesWhatIsNotSignedRight) {
  put("a", "x");
  identity_.access_key_secret += "x";
  const WireAnswer answer = get("a");
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.element("Code"), "SignatureDoesNotMatch");
  EXPECT_EQ(answer.element("RequestId"), answer.header("x-oss-request-id"));
}

TEST_F(ServerTest, KeepsAConnectionAndDecodesKeysOnce) {
  Wire connection(server_->oss_endpoint());
  for (const char* key : {"a%20b", "a+b", "x//y", "k?#&", "é"}) {
    WireRequest request;
    request.method = "PUT";
    request.key = key;
    request.body = key;
    connection.send(signed_bytes(identity_, request));
    EXPECT_EQ(connection.receive().status, 200) << key;
    request.method = "GET";
    request.body.clear();
    connection.send(signed_bytes(identity_, request));
    EXPECT_EQ(connection.receive().body, key);
  }
}

TEST_F(ServerTest, AnswersGarbageWith400AndCloses) {
  Wire connection(server_->oss_endpoint());
  connection.send("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(connection.receive().status, 400);
  EXPECT_TRUE(connection.ended());
}

TEST_F(ServerTest, AnswersHeadWithoutABodyAndTellsTheErrorInAHeader) {
  put("a", "12345");
  Wire connection(server_->oss_endpoint());
  WireRequest request;
  request.method = "HEAD";
  for (const auto& [key, status] :
       {std::pair("a", 200), std::pair("none", 404), std::pair("a", 200)}) {
    request.key = key;
    connection.send(signed_bytes(identity_, request));
    const WireAnswer answer = connection.receive(/*head_only=*/true);
    EXPECT_EQ(answer.status, status);
    if (status == 200) {
      EXPECT_EQ(answer.header("content-length"), "5");
    } else {
      EXPECT_THAT(core::base64_decode(answer.header("x-oss-err")).value_or(""),
                  HasSubstr("<Code>NoSuchKey</Code>"));
    }
  }
}

struct RangeCase {
  const char* range;
  bool standard;
  int status;
  const char* body;
};
class Ranges : public ServerTest, public ::testing::WithParamInterface<RangeCase> {};

TEST_P(Ranges, FollowTheTable) {
  put("digits", "0123456789");
  HeaderList headers = {{"Range", GetParam().range}};
  if (GetParam().standard) {
    headers.emplace_back("x-oss-range-behavior", "standard");
  }
  const WireAnswer answer = get("digits", headers);
  EXPECT_EQ(answer.status, GetParam().status);
  if (answer.status != 416) {
    EXPECT_EQ(answer.body, GetParam().body);
  } else {
    EXPECT_EQ(answer.element("Code"), "InvalidRange");
  }
}
constexpr const char* kAll = "0123456789";
INSTANTIATE_TEST_SUITE_P(Table, Ranges,
                         ::testing::Values(RangeCase{"bytes=2-4", false, 206, "234"},
                                           RangeCase{"bytes=7-", false, 206, "789"},
                                           RangeCase{"bytes=-3", false, 206, "789"},
                                           RangeCase{"bytes=8-12", false, 200, kAll},
                                           RangeCase{"bytes=8-12", true, 206, "89"},
                                           RangeCase{"bytes=10-", false, 200, kAll},
                                           RangeCase{"bytes=10-", true, 416, ""},
                                           RangeCase{"bytes=-11", false, 200, kAll},
                                           RangeCase{"bytes=-11", true, 206, kAll},
                                           RangeCase{"bytes=5-2", true, 200, kAll},
                                           RangeCase{"bytes=0-1,4-5", true, 416, ""}));

TEST_F(ServerTest, EvaluatesConditions) {
  const std::string etag = put("a", "x").header("etag");
  EXPECT_EQ(get("a", {{"If-Match", etag.substr(1, etag.size() - 2)}}).status, 200);
  EXPECT_EQ(get("a", {{"If-Match", "\"0\""}}).element("Code"), "PreconditionFailed");
  const WireAnswer same = get("a", {{"If-None-Match", etag}});
  EXPECT_EQ(same.status, 304);
  EXPECT_TRUE(same.body.empty());
  EXPECT_EQ(put("a", "y", {{"x-oss-forbid-overwrite", "true"}}).element("Code"),
            "FileAlreadyExists");
  EXPECT_EQ(put("a", "y", {{"Content-MD5", core::base64(std::string(16, '\0'))}}).element("Code"),
            "InvalidDigest");
  EXPECT_EQ(get("a").body, "x");
}

TEST_F(ServerTest, PagesListingsExactly) {
  for (const char* key : {"l/a", "l/b", "l/c/x", "l/c/y", "l/d", "m"}) {
    put(key, key);
  }
  std::vector<std::string> seen;
  std::string token;
  for (int page = 0; page < 10; ++page) {
    const WireAnswer answer = call("GET", "",
                                   "list-type=2&prefix=l%2F&delimiter=%2F&max-keys=1" +
                                       (token.empty() ? "" : "&continuation-token=" + token));
    ASSERT_EQ(answer.status, 200) << answer.body;
    for (const std::string& key : answer.elements("Key")) {
      seen.push_back(key);
    }
    for (const std::string& prefix : answer.elements("Prefix")) {
      if (prefix != "l/") {
        seen.push_back(prefix);
      }
    }
    token = answer.element("NextContinuationToken");
    if (token.empty()) {
      break;
    }
  }
  EXPECT_THAT(seen, ElementsAre("l/a", "l/b", "l/c/", "l/d"));
  const WireAnswer marked =
      call("GET", "", "prefix=l%2F&delimiter=%2F&marker=l%2Fc%2F&encoding-type=url");
  EXPECT_THAT(marked.elements("Key"), ElementsAre("l%2Fd"));
  EXPECT_EQ(call("GET", "", "max-keys=0").element("Code"), "InvalidArgument");
}

TEST_F(ServerTest, AssemblesMultipartUploads) {
  const std::string body = bytes(250'000);
  const std::string id = call("POST", "mp", "uploads").element("UploadId");
  ASSERT_FALSE(id.empty());
  std::string parts;
  for (const int number : {3, 1, 2}) {
    const std::size_t first = static_cast<std::size_t>(number - 1) * 102'400;
    const std::string piece = body.substr(first, 102'400);
    const WireAnswer answer =
        call("PUT", "mp", core::format("partNumber={}&uploadId={}", number, id), piece);
    EXPECT_EQ(answer.header("etag"), "\"" + upper_md5(piece) + "\"");
  }
  const WireAnswer listed = call("GET", "mp", "uploadId=" + id);
  EXPECT_THAT(listed.elements("PartNumber"), ElementsAre("1", "2", "3"));
  EXPECT_EQ(get("mp").status, 404);
  for (const std::string& etag : listed.elements("ETag")) {
    parts += core::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>",
                          1 + std::count(parts.begin(), parts.end(), 'P') / 4, etag);
  }
  const std::string document = "<CompleteMultipartUpload>" + parts + "</CompleteMultipartUpload>";
  const WireAnswer done = call("POST", "mp", "uploadId=" + id, document);
  EXPECT_EQ(done.status, 200) << done.body;
  std::string sums;
  for (const std::size_t first : {0U, 102'400U, 204'800U}) {
    sums += upper_md5(body.substr(first, 102'400));
  }
  EXPECT_EQ(done.header("etag"), "\"" + upper_md5(sums) + "-3\"");
  EXPECT_EQ(done.header("x-oss-hash-crc64ecma"), std::to_string(core::crc64(core::as_bytes(body))));
  EXPECT_EQ(get("mp").body, body);
  EXPECT_EQ(call("GET", "mp", "uploadId=" + id).element("Code"), "NoSuchUpload");
}

TEST_F(ServerTest, AppendsCopiesAndLinks) {
  EXPECT_EQ(call("POST", "ap", "append&position=0", "hello ").header("x-oss-next-append-position"),
            "6");
  const WireAnswer second = call("POST", "ap", "append&position=6", "world");
  EXPECT_EQ(second.header("x-oss-hash-crc64ecma"), "5981764153023615706");
  const WireAnswer late = call("POST", "ap", "append&position=6", "x");
  EXPECT_EQ(late.element("Code"), "PositionNotEqualToLength");
  EXPECT_EQ(late.header("x-oss-next-append-position"), "11");
  EXPECT_EQ(put("cp", "", {{"x-oss-copy-source", "/examplebucket/ap"}}).status, 200);
  EXPECT_EQ(get("cp").body, "hello world");
  EXPECT_EQ(call("PUT", "ln", "symlink", "", {{"x-oss-symlink-target", "cp"}}).status, 200);
  EXPECT_EQ(get("ln").body, "hello world");
  EXPECT_EQ(call("DELETE", "cp", "").status, 204);
  EXPECT_EQ(get("ln").element("Code"), "SymlinkTargetNotExist");
}

TEST_F(ServerTest, KeepsVersions) {
  put("v", "before");
  EXPECT_EQ(call("PUT", "", "versioning",
                 "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
                .status,
            200);
  const std::string second = put("v", "second").header("x-oss-version-id");
  ASSERT_FALSE(second.empty());
  EXPECT_EQ(call("DELETE", "v", "").header("x-oss-delete-marker"), "true");
  EXPECT_EQ(get("v").status, 404);
  EXPECT_EQ(get("v", {}, "versionId=" + second).body, "second");
  EXPECT_EQ(get("v", {}, "versionId=null").body, "before");
  const WireAnswer listed = call("GET", "", "versions");
  EXPECT_THAT(listed.elements("IsLatest"), ElementsAre("true", "false", "false"));
  EXPECT_THAT(listed.elements("VersionId"), SizeIs(3));
}

TEST_F(ServerTest, DeletesMany) {
  put("d&1", "x");
  put("d2", "x");
  const std::string document =
      "<Delete><Object><Key>d&amp;1</Key></Object><Object><Key>gone</Key></Object></Delete>";
  const WireAnswer done =
      call("POST", "", "delete", document, {{"Content-MD5", core::base64(core::md5(document))}});
  EXPECT_THAT(done.elements("Key"), ElementsAre("d&amp;1", "gone"));
  EXPECT_THAT(call("GET", "", "").elements("Key"), ElementsAre("d2"));
}

TEST_F(ServerTest, TakesChunkedBodiesAndWaitsBeforeTheyAreSent) {
  WireRequest request;
  request.method = "PUT";
  request.key = "chunked";
  std::string head = signed_bytes(identity_, request);
  const std::string length = "Content-Length: 0\r\n";
  head.replace(head.find(length), length.size(),
               "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n");
  Wire connection(server_->oss_endpoint());
  connection.send(head);
  EXPECT_EQ(connection.receive().status, 100);
  connection.send("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
  EXPECT_EQ(connection.receive().status, 200);
  EXPECT_EQ(get("chunked").body, "hello world");
}

TEST_F(ServerTest, FindsTheBucketInTheHost) {
  put("k", "by host");
  WireRequest request;
  request.key = "k";
  std::string head = signed_bytes(identity_, request);
  head.replace(head.find("/examplebucket/k"), 16, "/k");
  head.replace(head.find("127.0.0.1"), 9, "examplebucket.oss-cn-hangzhou.oss.test:1");
  Wire connection(server_->oss_endpoint());
  connection.send(head);
  EXPECT_EQ(connection.receive().body, "by host");
}

TEST_F(ServerTest, NamesWhatItDoesNotDo) {
  const WireAnswer answer = call("PUT", "", "lifecycle", "<x/>");
  EXPECT_EQ(answer.status, 501);
  EXPECT_THAT(answer.element("Message"), HasSubstr("PUT ?lifecycle"));
}

}  // namespace
}  // namespace emulator::wire
