// What the vendor's own test suites expect of the service, beyond its documentation.
#include <gmock/gmock.h>

#include "unit/emulator/server_fixture.h"

namespace emulator::wire {
namespace {

using ::testing::HasSubstr;

class ServerManners : public ServerTest {
 protected:
  std::string begin_upload(const std::string& key) {
    return call("POST", key, "uploads").element("UploadId");
  }
};

TEST_F(ServerManners, ABucketIsLookedForBeforeTheCaller) {
  identity_.access_key_secret = "wrong";
  EXPECT_EQ(get("k").element("Code"), "SignatureDoesNotMatch");
  WireRequest elsewhere;
  elsewhere.bucket = "nosuchbucket";
  elsewhere.key = "k";
  EXPECT_EQ(ask(elsewhere).element("Code"), "NoSuchBucket");
}

TEST_F(ServerManners, ABucketInFrontOfTheServicesNameMayBeCalledAnything) {
  WireRequest make;
  make.method = "PUT";
  make.bucket = "oss-of-mine";
  ASSERT_EQ(ask(make).status, 200);
  make.key = "k";
  make.body = "by host";
  ASSERT_EQ(ask(make).status, 200);
  WireRequest request;
  request.bucket = "oss-of-mine";
  request.key = "k";
  std::string head = signed_bytes(identity_, request);
  head.replace(head.find("/oss-of-mine/k"), 14, "/k");
  head.replace(head.find("127.0.0.1"), 9, "oss-of-mine.oss-cn-beijing.aliyuncs.com");
  Wire connection(server_->oss_endpoint());
  connection.send(head);
  EXPECT_EQ(connection.receive().body, "by host");
}

TEST_F(ServerManners, TheEndOfAnUploadMaySetTheAcl) {
  const std::string id = begin_upload("mp");
  EXPECT_EQ(call("PUT", "mp", "partNumber=1&uploadId=" + id, "all of it").status, 200);
  const HeaderList whole = {{"x-oss-complete-all", "yes"}, {"x-oss-object-acl", "public-read"}};
  EXPECT_EQ(call("POST", "mp", "uploadId=" + id, "",
                 {{"x-oss-complete-all", "yes"}, {"x-oss-object-acl", "odd"}})
                .element("Code"),
            "InvalidArgument");
  EXPECT_EQ(
      call("POST", "mp", "uploadId=" + id, "<CompleteMultipartUpload/>", whole).header("x-oss-ec"),
      "0042-00000216");
  ASSERT_EQ(call("POST", "mp", "uploadId=" + id, "", whole).status, 200);
  EXPECT_EQ(call("GET", "mp", "acl").element("Grant"), "public-read");
}

TEST_F(ServerManners, AnAppendGivesTheAclAndNothingElseAnew) {
  const HeaderList first = {{"x-oss-meta-a", "1"}, {"x-oss-object-acl", "private"}};
  const HeaderList next = {{"x-oss-meta-a", "2"}, {"x-oss-object-acl", "public-read"}};
  EXPECT_EQ(call("POST", "grown", "append&position=0", "one ", first).status, 200);
  EXPECT_EQ(call("POST", "grown", "append&position=4", "two", next).status, 200);
  const WireAnswer whole = get("grown");
  EXPECT_EQ(whole.body, "one two");
  EXPECT_EQ(whole.header("x-oss-meta-a"), "1");
  EXPECT_EQ(call("GET", "grown", "acl").element("Grant"), "public-read");
}

TEST_F(ServerManners, ACallbackFailsAfterTheObjectIsStored) {
  const WireAnswer answer = put("k", "stored", {{"x-oss-callback", "e30="}});
  EXPECT_EQ(answer.status, 203);
  EXPECT_EQ(answer.element("Code"), "CallbackFailed");
  EXPECT_EQ(get("k").body, "stored");
}

TEST_F(ServerManners, EncryptionIsRepeatedAndReplacedByACopy) {
  const WireAnswer kms =
      put("k", "x",
          {{"x-oss-server-side-encryption", "KMS"}, {"x-oss-server-side-data-encryption", "SM4"}});
  EXPECT_EQ(kms.header("x-oss-server-side-encryption"), "KMS");
  EXPECT_EQ(kms.header("x-oss-server-side-data-encryption"), "SM4");
  EXPECT_NE(kms.header("x-oss-server-side-encryption-key-id"), "");
  EXPECT_EQ(put("k", "x", {{"x-oss-server-side-encryption", "ROT13"}}).status, 400);
  const HeaderList copy = {{"x-oss-copy-source", "/examplebucket/k"},
                           {"x-oss-server-side-encryption", "AES256"}};
  EXPECT_EQ(put("copy", "", copy).header("x-oss-server-side-encryption"), "AES256");
  const WireAnswer head = get("copy");
  EXPECT_EQ(head.header("x-oss-server-side-encryption"), "AES256");
  EXPECT_EQ(head.header("x-oss-server-side-encryption-key-id"), "");
  EXPECT_EQ(put("plain", "", {{"x-oss-copy-source", "/examplebucket/k"}}).status, 200);
  EXPECT_EQ(get("plain").header("x-oss-server-side-encryption"), "") << "unless the copy says so";
}

TEST_F(ServerManners, TagsHaveAnAlphabet) {
  const auto tagged = [this](const std::string& tags) {
    return put("k", "x", {{"x-oss-tagging", tags}}).status;
  };
  EXPECT_EQ(tagged("%2B%3A%2F=.-&%E4%B8%AD=%20"), 200);
  EXPECT_EQ(tagged("a%25=b"), 400);
  EXPECT_EQ(tagged("a=%40"), 400);
}

TEST_F(ServerManners, VersionIdsAndMarkersHaveAShape) {
  const std::string body =
      "<Delete><Object><Key>k</Key><VersionId>234</VersionId></Object></Delete>";
  const HeaderList sum = {{"Content-MD5", core::base64(core::md5(body))}};
  EXPECT_EQ(call("POST", "", "delete", body, sum).element("Code"), "InvalidArgument");
  EXPECT_EQ(call("GET", "", "versions&prefix=" + std::string(1025, 'a')).element("Code"),
            "InvalidArgument");
}

TEST_F(ServerManners, ACopyNamesTheVersionThatItCameFrom) {
  put("k", "before there were versions");
  ASSERT_EQ(call("PUT", "", "versioning",
                 "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
                .status,
            200);
  EXPECT_EQ(put("copy", "", {{"x-oss-copy-source", "/examplebucket/k"}})
                .header("x-oss-copy-source-version-id"),
            "null");
}

TEST_F(ServerManners, AGetThatAnnouncesABodyIsAnsweredWithoutIt) {
  put("k", "content");
  WireRequest request;
  request.key = "k";
  std::string head = signed_bytes(identity_, request);
  const auto length = head.find("Content-Length: 0");
  if (length == std::string::npos) {
    head.insert(head.find("\r\n") + 2, "Content-Length: 9\r\n");
  } else {
    head.replace(length, 17, "Content-Length: 9");
  }
  Wire connection(server_->oss_endpoint());
  connection.send(head);
  const WireAnswer answer = connection.receive();
  EXPECT_EQ(answer.body, "content");
  EXPECT_EQ(answer.header("connection"), "close");
}

TEST_F(ServerManners, KeysInHeadersMayHaveBlanksAsPlusSigns) {
  put("a b+c", "odd");
  for (const char* source : {"/examplebucket/a%20b%2Bc", "/examplebucket/a+b%2Bc"}) {
    EXPECT_EQ(put("copy", "", {{"x-oss-copy-source", source}}).status, 200) << source;
  }
  EXPECT_EQ(call("PUT", "link", "symlink", "", {{"x-oss-symlink-target", "a+b%2Bc"}}).status, 200);
  EXPECT_EQ(get("link").body, "odd");
}

TEST_F(ServerManners, ThereAreNoLiveChannels) {
  const WireAnswer answer = call("GET", "", "live&prefix=");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("<IsTruncated>false</IsTruncated>"));
  EXPECT_EQ(call("PUT", "k", "live").status, 501);
}

}  // namespace
}  // namespace emulator::wire
