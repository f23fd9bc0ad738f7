#include "core/digest.h"
#include "unit/oss/store_fixture.h"

namespace oss {
namespace {

using core::ErrorKind;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = store::Precondition::Kind;

std::string crc_of(std::string_view text) {
  return std::to_string(core::crc64(core::as_bytes(text)));
}

class Write : public OssStoreTest {
 protected:
  core::Result<store::Published> put(Kind kind = Kind::None) {
    return store().put(context_, key_, store::text_source(text_), attributes_,
                       {.kind = kind, .etag = {}});
  }
  test::Reply stored(const std::string& other = {}) const {
    return ok({{"ETag", "\"ABC\""},
               {"x-oss-hash-crc64ecma", crc_of(other.empty() ? text_ : other)},
               {"x-oss-version-id", "V1"}});
  }
  /// What a HEAD says of an object with these bytes.
  test::Reply described(const std::string& content, const std::string& mode = "33188") const {
    return ok({{"ETag", "\"THERE\""},
               {"Content-Length", std::to_string(content.size())},
               {"Last-Modified", "Tue, 02 Jan 2024 03:04:05 GMT"},
               {"x-oss-meta-mode", mode},
               {"x-oss-hash-crc64ecma", crc_of(content)}});
  }
  std::string text_ = std::string(5'000, 'x') + "end";
  store::ObjectAttributes attributes_{"text/plain", {{"mode", "33188"}}};
};

TEST_F(Write, SendsBytesTypeAndMetadata) {
  attributes_.user["note"] = "100%41 ü";  // of a tool that has rules of its own
  attributes_.content = {"gzip", "de", "inline", "max-age=9", "Thu, 01 Dec 2044 16:00:00 GMT"};
  transport_.reply(stored());
  const auto result = put();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->etag.text(), "ABC");
  EXPECT_EQ(result->version_id, "V1");
  EXPECT_EQ(result->crc64, core::crc64(core::as_bytes(text_)));
  const test::Sent sent = transport_.sent().at(0);
  EXPECT_EQ(sent.line(), "PUT /logs/a.txt");
  EXPECT_EQ(sent.body, text_);
  EXPECT_EQ(sent.header("Content-Type"), "text/plain");
  EXPECT_EQ(sent.header("x-oss-meta-mode"), "33188");
  EXPECT_EQ(sent.header("x-oss-meta-note"), "100%41 ü");
  EXPECT_EQ(sent.header("Content-Encoding"), "gzip");
  EXPECT_EQ(sent.header("Content-Language"), "de");
  EXPECT_EQ(sent.header("Content-Disposition"), "inline");
  EXPECT_EQ(sent.header("Cache-Control"), "max-age=9");
  EXPECT_EQ(sent.header("Expires"), "Thu, 01 Dec 2044 16:00:00 GMT");
  EXPECT_FALSE(sent.request.headers.get("x-oss-forbid-overwrite"));
}

TEST_F(Write, NewObjectsAreWhatTheOptionsSay) {
  options_.new_objects = {"IA", "KMS", "key-1", "public-read"};
  options_.requester_pays = true;
  options_.upload_limit = 100U << 10U;
  options_.download_limit = 200U << 10U;
  transport_.reply(stored());
  ASSERT_TRUE(put());
  const test::Sent sent = transport_.sent().at(0);
  EXPECT_EQ(sent.header("x-oss-storage-class"), "IA");
  EXPECT_EQ(sent.header("x-oss-server-side-encryption"), "KMS");
  EXPECT_EQ(sent.header("x-oss-server-side-encryption-key-id"), "key-1");
  EXPECT_EQ(sent.header("x-oss-object-acl"), "public-read");
  EXPECT_EQ(sent.header("x-oss-request-payer"), "requester");
  EXPECT_EQ(sent.header("x-oss-traffic-limit"), "819200");
  transport_.reply(ok({{"ETag", "\"LINK\""}}));
  ASSERT_TRUE(
      store().put_symlink(context_, model::ObjectKey("link"), model::ObjectKey("a"), {}, {}));
  const test::Sent link = transport_.sent().at(1);
  EXPECT_EQ(link.header("x-oss-object-acl"), "public-read");
  EXPECT_EQ(link.header("x-oss-request-payer"), "requester");
  EXPECT_FALSE(link.request.headers.get("x-oss-storage-class"));
  EXPECT_FALSE(link.request.headers.get("x-oss-traffic-limit"));
}

TEST_F(Write, WhatAHeadTellsIsWrittenBackAndTheRestIsAskedFor) {
  options_.new_objects = {"IA", "AES256", "", "public-read"};
  test::Reply head = described(text_);
  head.headers.add("Date", "Tue, 02 Jan 2024 03:04:09 GMT");
  head.headers.add("Content-Encoding", "br");
  head.headers.add("x-oss-storage-class", "ColdArchive");
  head.headers.add("x-oss-server-side-encryption", "KMS");
  head.headers.add("x-oss-server-side-encryption-key-id", "k1");
  head.headers.add("x-oss-server-side-data-encryption", "SM4");
  head.headers.add("x-oss-tagging-count", "2");
  transport_.reply(head);
  const auto meta = store().head(context_, key_);
  ASSERT_TRUE(meta);
  EXPECT_EQ(meta->served_at, core::wall_from_unix(1'704'164'649));
  EXPECT_EQ(meta->content.encoding, "br");
  attributes_.content = meta->content;
  attributes_.settings = meta->settings;
  transport_
      .reply(ok({},
                "<AccessControlPolicy><AccessControlList><Grant>private</Grant>"
                "</AccessControlList></AccessControlPolicy>"))
      .reply(ok({},
                "<Tagging><TagSet><Tag><Key>a b</Key><Value>1&amp;2</Value></Tag>"
                "<Tag><Key>c</Key><Value/></Tag></TagSet></Tagging>"))
      .reply(stored());
  const auto result = put();
  ASSERT_TRUE(result) << core::describe(result.error());
  EXPECT_EQ(transport_.sent().at(1).line(), "GET /logs/a.txt?acl");
  EXPECT_EQ(transport_.sent().at(2).line(), "GET /logs/a.txt?tagging");
  const test::Sent sent = transport_.sent().at(3);
  EXPECT_EQ(sent.header("Content-Encoding"), "br");
  EXPECT_EQ(sent.header("x-oss-storage-class"), "ColdArchive");
  EXPECT_EQ(sent.header("x-oss-server-side-encryption"), "KMS");
  EXPECT_EQ(sent.header("x-oss-server-side-encryption-key-id"), "k1");
  EXPECT_EQ(sent.header("x-oss-server-side-data-encryption"), "SM4");
  EXPECT_EQ(sent.header("x-oss-object-acl"), "private");
  EXPECT_EQ(sent.header("x-oss-tagging"), "a%20b=1%262&c=");
  // What is known by now is not asked for again.
  attributes_.settings = result->settings;
  transport_.reply(stored());
  ASSERT_TRUE(put());
  expect_script_done(5);
}

TEST_F(Write, WhatAKeyWasBeforeAVersion) {
  transport_.reply(
      ok({},
         "<ListVersionsResult><EncodingType>url</EncodingType>"
         "<Version><Key>logs%2Fa.txt</Key><VersionId>v3</VersionId><ETag>\"E3\"</ETag>"
         "<LastModified>2024-01-02T03:04:05.000Z</LastModified></Version>"
         "<DeleteMarker><Key>logs%2Fa.txt</Key><VersionId>v2</VersionId></DeleteMarker>"
         "<Version><Key>logs%2Fa.txt%2Fb</Key><VersionId>v1</VersionId><ETag>E1</ETag>"
         "</Version></ListVersionsResult>"));
  const auto before = store().versions_before(context_, key_, "v4", 10);
  ASSERT_TRUE(before) << core::describe(before.error());
  ASSERT_EQ(before->size(), 2U) << "and nothing of another key";
  EXPECT_EQ(before->at(0).id, "v3");
  EXPECT_EQ(before->at(0).etag, model::ETag("E3"));
  EXPECT_FALSE(before->at(0).removed);
  EXPECT_EQ(before->at(0).last_modified, core::wall_from_unix(1'704'164'645));
  EXPECT_EQ(before->at(1).id, "v2");
  EXPECT_TRUE(before->at(1).removed);
  const std::string line = transport_.sent().at(0).line();
  for (const char* part : {"GET /?", "versions", "prefix=logs", "key-marker=logs",
                           "version-id-marker=v4", "max-keys=10"}) {
    EXPECT_NE(line.find(part), std::string::npos) << part << " in " << line;
  }
  transport_.reply(ok({}, "<ListBucketResult/>"));
  EXPECT_EQ(store().versions_before(context_, key_, "v4", 10).error().kind,
            core::ErrorKind::Protocol);
}

TEST_F(Write, AnUploadSaysItsAclWhenItIsCompleted) {
  options_.new_objects.acl = "private";
  const auto begun = ok(
      {}, "<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>");
  const auto done = ok({},
                       "<CompleteMultipartUploadResult><ETag>\"E-1\"</ETag>"
                       "</CompleteMultipartUploadResult>");
  transport_.reply(begun).reply(done);
  const auto id = store().start_upload(context_, key_, attributes_);
  ASSERT_TRUE(id);
  const std::vector<store::PartReceipt> parts = {
      {.number = 1, .etag = model::ETag("P"), .size = 5, .crc64 = {}}};
  ASSERT_TRUE(store().complete_upload(context_, key_, *id, parts, {}));
  EXPECT_EQ(transport_.sent().at(1).header("x-oss-object-acl"), "private");
  EXPECT_FALSE(transport_.sent().at(1).request.headers.get("x-oss-storage-class"));
}

TEST_F(Write, RepeatsWhatWasDamagedOnItsWay) {
  transport_.reply(stored("something else")).reply(refusal(400, "InvalidDigest")).reply(stored());
  ASSERT_TRUE(put());
  EXPECT_EQ(transport_.sent().at(2).body, text_);
  expect_script_done(3);
}

TEST_F(Write, ReportsDamageThatStays) {
  for (int n = 0; n < 4; ++n) {
    transport_.reply(stored("something else"));
  }
  const auto result = put();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Corrupt);
}

TEST_F(Write, ExclusiveCreateLoses) {
  options_.retry.doubted = 3;
  transport_.reply(refusal(409, "FileAlreadyExists")).reply(described(text_));
  const auto result = put(Kind::Absent);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Exists);
  EXPECT_EQ(transport_.sent().at(0).header("x-oss-forbid-overwrite"), "true");
  expect_script_done(2);
}

TEST_F(Write, DoubtsALossThatHeadDoesNotFind) {
  options_.retry.doubted = 2;
  transport_.reply(refusal(412, "PreconditionFailed"))
      .reply(refusal(404, "NoSuchKey"))
      .reply(stored());
  ASSERT_TRUE(put(Kind::Absent));
  for (int n = 0; n < 2; ++n) {
    transport_.reply(refusal(412, "PreconditionFailed")).reply(refusal(404, "NoSuchKey"));
  }
  EXPECT_EQ(put(Kind::Absent).error().kind, ErrorKind::Exists);
  expect_script_done(7);
}

TEST_F(Write, WhatMetNonsenseMayHaveWorked) {
  options_.retry.doubted = 2;
  transport_.reply(broken(ErrorKind::Protocol))
      .reply(refusal(409, "FileAlreadyExists"))
      .reply(described(text_));
  EXPECT_TRUE(put(Kind::Absent));
  expect_script_done(3);
}

TEST_F(Write, ExclusiveCreateRecognisesItsOwnLostWrite) {
  transport_.reply(broken()).reply(refusal(409, "FileAlreadyExists")).reply(described(text_));
  const auto result = put(Kind::Absent);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->etag.text(), "THERE");
  expect_script_done(3);
}

TEST_F(Write, ExclusiveCreateDoesNotTakeSomebodyElsesWriteForItsOwn) {
  const std::string same_size(text_.size(), 'y');
  for (const auto& there :
       {described(same_size), described(text_ + "more"), described(text_, "0")}) {
    transport_.reply(broken()).reply(refusal(409, "FileAlreadyExists")).reply(there);
    const auto result = put(Kind::Absent);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::Exists);
  }
  EXPECT_EQ(transport_.left(), 0U);
}

TEST_F(Write, AppendsAtItsPosition) {
  const store::ObjectStore::Tail tail{7,
                                      core::crc64(core::as_bytes("before\n")),
                                      store::text_source("before\n" + text_),
                                      {7, 7 + text_.size()}};
  transport_.reply(stored("before\n" + text_));
  const auto result = store().append(context_, key_, tail);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->type, store::ObjectType::Appendable);
  const test::Sent sent = transport_.sent().at(0);
  EXPECT_EQ(sent.line(), "POST /logs/a.txt?append&position=7");
  EXPECT_EQ(sent.body, text_);
  // It is there already, for the answer was lost.
  transport_.reply(broken())
      .reply(refusal(409, "PositionNotEqualToLength"))
      .reply(described("before\n" + text_));
  EXPECT_TRUE(store().append(context_, key_, tail));
  // Somebody else appended.
  transport_.reply(refusal(409, "PositionNotEqualToLength"));
  EXPECT_EQ(store().append(context_, key_, tail).error().kind, ErrorKind::Changed);
  // It was another object of the same length.
  transport_.reply(stored("another" + text_));
  EXPECT_EQ(store().append(context_, key_, tail).error().kind, ErrorKind::Corrupt);
  EXPECT_EQ(transport_.left(), 0U);
}

TEST_F(Write, RefusesBeforeSendingWhatTheServiceWouldRefuse) {
  attributes_.user["big"] = std::string(9'000, 'x');
  EXPECT_EQ(put().error().kind, ErrorKind::TooLarge);
  attributes_.user = {{"Bad Name", "x"}};
  EXPECT_EQ(put().error().kind, ErrorKind::InvalidArgument);
  const model::ObjectKey too_long(std::string(1024, 'k'));
  EXPECT_EQ(store().put(context_, too_long, store::text_source(""), {}, {}).error().kind,
            ErrorKind::NameTooLong);
  EXPECT_EQ(store().remove(context_, model::ObjectKey("")).error().kind,
            ErrorKind::InvalidArgument);
  expect_script_done(0);
}

TEST_F(Write, CopyPinsItsSourceAndSaysWhatBecomesOfMetadata) {
  store::CopyRequest request;
  request.source = {model::ObjectKey("from/ü b"), model::ETag("SRC"), 10, "V/1"};
  request.target = key_;
  request.replace = attributes_;
  request.settings = plain_settings();
  request.precondition.kind = Kind::Absent;
  transport_.reply(ok({},
                      "<CopyObjectResult><LastModified>2024-01-02T03:04:05.000Z</LastModified>"
                      "<ETag>\"NEW\"</ETag></CopyObjectResult>"));
  const auto result = store().copy(context_, request);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->etag.text(), "NEW");
  EXPECT_EQ(result->last_modified, core::wall_from_unix(1'704'164'645));
  const test::Sent sent = transport_.sent().at(0);
  EXPECT_EQ(sent.header("x-oss-copy-source"), "/examplebucket/from/%C3%BC%20b?versionId=V%2F1");
  EXPECT_EQ(sent.header("x-oss-copy-source-if-match"), "\"SRC\"");
  EXPECT_EQ(sent.header("x-oss-metadata-directive"), "REPLACE");
  EXPECT_EQ(sent.header("x-oss-meta-mode"), "33188");
  EXPECT_EQ(sent.header("x-oss-forbid-overwrite"), "true");
  EXPECT_GE(sent.patience.idle, std::chrono::minutes{1});
}

TEST_F(Write, CopyRecognisesItsOwnLostWrite) {
  store::CopyRequest request;
  request.source = {model::ObjectKey("from"), model::ETag("SRC"), 10, ""};
  request.settings = plain_settings();
  request.target = key_;
  request.precondition.kind = Kind::Absent;
  transport_.reply(broken())
      .reply(refusal(409, "FileAlreadyExists"))
      .reply(described(text_))
      .reply(described(text_));
  EXPECT_TRUE(store().copy(context_, request));
  transport_.reply(broken())
      .reply(refusal(409, "FileAlreadyExists"))
      .reply(described(text_))
      .reply(described("another"));
  EXPECT_EQ(store().copy(context_, request).error().kind, ErrorKind::Exists);
  EXPECT_EQ(transport_.left(), 0U);
}

TEST_F(Write, CopyDoesWithoutVersionsWhereTheyMayNotBeNamed) {
  store::CopyRequest request;
  request.source = {model::ObjectKey("from"), model::ETag("SRC"), 10, "V1"};
  request.settings = plain_settings();
  request.target = key_;
  const auto done = ok({}, "<CopyObjectResult><ETag>\"NEW\"</ETag></CopyObjectResult>");
  transport_.reply(refusal(403, "AccessDenied")).reply(done);
  ASSERT_TRUE(store().copy(context_, request));
  EXPECT_EQ(transport_.sent().at(1).header("x-oss-copy-source"), "/examplebucket/from");
  EXPECT_EQ(transport_.sent().at(1).header("x-oss-copy-source-if-match"), "\"SRC\"");
  // Nothing else would name it.
  request.source.etag = {};
  transport_.reply(refusal(403, "AccessDenied"));
  EXPECT_EQ(store().copy(context_, request).error().kind, ErrorKind::Denied);
  expect_script_done(3);
}

TEST_F(Write, SymlinksCarryTheirTargetEncoded) {
  transport_.reply(ok({{"ETag", "\"L\""}}));
  ASSERT_TRUE(store().put_symlink(context_, key_, model::ObjectKey("t ü/x"),
                                  {.user = {{"mode", "41471"}}},
                                  {.kind = Kind::Absent, .etag = {}}));
  const test::Sent sent = transport_.sent().at(0);
  EXPECT_EQ(sent.line(), "PUT /logs/a.txt?symlink");
  EXPECT_EQ(sent.header("x-oss-symlink-target"), "t%20%C3%BC/x");
  EXPECT_EQ(sent.header("x-oss-forbid-overwrite"), "true");
}

TEST_F(Write, HeadDescribesTheLinkItself) {
  const test::Reply link = ok({{"ETag", "\"L\""},
                               {"x-oss-symlink-target", "t%20x"},
                               {"x-oss-meta-mode", "41471"},
                               {"Content-Length", "0"}});
  test::Reply followed = described(text_);
  followed.headers.add("x-oss-object-type", "Symlink");
  test::Reply dangling;
  dangling.status = 404;
  dangling.headers = {{"x-oss-err", core::base64("<Error><Code>SymlinkTargetNotExist</Code>"
                                                 "<Message>x</Message></Error>")}};
  for (const auto& first : {followed, dangling, refusal(400, "InvalidTargetType")}) {
    transport_.reply(first).reply(link);
    const auto meta = store().head(context_, key_);
    ASSERT_TRUE(meta) << meta.error().message;
    EXPECT_EQ(meta->type, store::ObjectType::Symlink);
    EXPECT_EQ(meta->size, 3U);
    EXPECT_EQ(meta->etag.text(), "L");
    EXPECT_EQ(meta->user.at("mode"), "41471");
  }
}

TEST_F(Write, HeadErrorsComeFromTheirHeader) {
  test::Reply missing;
  missing.status = 404;
  transport_.reply(missing);
  EXPECT_EQ(store().head(context_, key_).error().kind, ErrorKind::NotFound);
  missing.headers = {
      {"x-oss-err", core::base64("<Error><Code>NoSuchBucket</Code><EC>0015</EC></Error>")}};
  transport_.reply(missing);
  const auto meta = store().head(context_, key_);
  EXPECT_EQ(meta.error().kind, ErrorKind::NoBucket);
  EXPECT_EQ(meta.error().remote->ec, "0015");
}

TEST_F(Write, RemoveDoesNotMindWhatIsNotThere) {
  transport_.reply(no_content()).reply(refusal(404, "NoSuchKey"));
  EXPECT_TRUE(store().remove(context_, key_));
  EXPECT_TRUE(store().remove(context_, key_));
  transport_.reply(refusal(403, "AccessDenied"));
  EXPECT_EQ(store().remove(context_, key_).error().kind, ErrorKind::Denied);
}

// ---- DeleteMultipleObjects

TEST_F(Write, RemoveManySendsDigestAndSinglesOutWhatXmlCannotCarry) {
  transport_
      .reply(ok({},
                "<DeleteResult><EncodingType>url</EncodingType><Deleted><Key>a%26b</Key>"
                "</Deleted><Deleted><Key>%C3%BC</Key></Deleted></DeleteResult>"))
      .reply(no_content())
      .reply(no_content())
      .reply(no_content());
  ASSERT_TRUE(store().remove_many(
      context_, {model::ObjectKey("a&b"), model::ObjectKey("x\x01y"), model::ObjectKey("ü"),
                 model::ObjectKey("bad\xFF"), model::ObjectKey(" blank")}));
  const auto sent = transport_.sent();
  EXPECT_EQ(sent.at(0).line(), "POST /?delete&encoding-type=url");
  EXPECT_EQ(sent.at(0).body,
            "<Delete><Quiet>false</Quiet><Object><Key>a&amp;b</Key></Object>"
            "<Object><Key>ü</Key></Object></Delete>");
  EXPECT_EQ(sent.at(0).header("Content-MD5"), core::base64(core::md5(sent.at(0).body)));
  EXPECT_EQ(sent.at(1).line(), "DELETE /x%01y");
  EXPECT_EQ(sent.at(2).line(), "DELETE /bad%FF");
  EXPECT_EQ(sent.at(3).line(), "DELETE /%20blank");
  expect_script_done(4);
}

TEST_F(Write, RemoveManyAsksAgainForWhatTheAnswerDoesNotMention) {
  transport_.reply(ok({}, "<DeleteResult><Deleted><Key>a</Key></Deleted></DeleteResult>"))
      .reply(refusal(403, "AccessDenied"));
  const auto status = store().remove_many(context_, {model::ObjectKey("a"), model::ObjectKey("b")});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::Denied);
  EXPECT_EQ(transport_.sent().at(1).line(), "DELETE /b");
}

TEST_F(Write, RemoveManyReportsTheFirstRefusalAfterAllBatches) {
  std::vector<model::ObjectKey> keys;
  keys.reserve(2'500);
  for (int n = 0; n < 2'500; ++n) {
    keys.emplace_back("k" + std::to_string(n));
  }
  transport_
      .reply(ok(
          {},
          "<DeleteResult><Error><Key>k7</Key><Code>AccessDenied</Code>"
          "<Message>no</Message></Error>" +
              [&] {
                std::string rest;
                for (int n = 0; n < 1'000; ++n) {
                  rest += "<Deleted><Key>k" + std::to_string(n) + "</Key></Deleted>";
                }
                return rest;
              }() +
              "</DeleteResult>"))
      .reply(ok())
      .reply(ok());
  const auto status = store().remove_many(context_, keys);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::Denied);
  EXPECT_THAT(status.error().message, HasSubstr("k7"));
  expect_script_done(3);
  EXPECT_THAT(transport_.sent().at(2).body, HasSubstr("<Key>k2499</Key>"));
  EXPECT_THAT(transport_.sent().at(2).body, Not(HasSubstr("<Key>k1999</Key>")));
}

// ---- multipart

class Multipart : public Write {
 protected:
  core::Result<store::Published> complete() {
    return store().complete_upload(context_, key_, "ID", parts_, {});
  }
  test::Reply completed(const std::string& content) const {
    return ok({{"x-oss-hash-crc64ecma", crc_of(content)}},
              "<CompleteMultipartUploadResult><ETag>\"WHOLE-2\"</ETag>"
              "</CompleteMultipartUploadResult>");
  }
  test::Reply there(const std::string& content) const {
    test::Reply reply = described(content);
    reply.headers.set("ETag", "\"WHOLE-2\"");
    return reply;
  }
  std::vector<store::PartReceipt> parts_ = {
      {1, model::ETag("A"), 3, core::crc64(core::as_bytes("abc"))},
      {2, model::ETag("B"), 2, core::crc64(core::as_bytes("de"))}};
};

TEST_F(Multipart, GoesThroughItsSteps) {
  transport_
      .reply(ok({},
                "<InitiateMultipartUploadResult><UploadId>ID/1</UploadId>"
                "</InitiateMultipartUploadResult>"))
      .reply(ok({{"ETag", "\"P\""}, {"x-oss-hash-crc64ecma", crc_of("bcd")}}))
      .reply(ok({}, "<CopyPartResult><ETag>\"Q\"</ETag></CopyPartResult>"))
      .reply(completed("abcde"))
      .reply(no_content());
  EXPECT_EQ(store().start_upload(context_, key_, attributes_).value(), "ID/1");
  const auto part =
      store().upload_part(context_, key_, "ID/1", 7, store::text_source("abcdef"), {1, 4});
  ASSERT_TRUE(part);
  EXPECT_EQ(part->number, 7);
  EXPECT_EQ(part->etag.text(), "P");
  EXPECT_EQ(part->size, 3U);
  EXPECT_EQ(part->crc64, core::crc64(core::as_bytes("bcd")));
  const auto copied = store().upload_part_copy(
      context_, key_, "ID/1", 8, {model::ObjectKey("src"), model::ETag("S"), 100, ""}, {10, 20});
  ASSERT_TRUE(copied);
  EXPECT_EQ(copied->etag.text(), "Q");
  EXPECT_EQ(copied->size, 10U);
  EXPECT_FALSE(copied->crc64);
  ASSERT_TRUE(complete());
  ASSERT_TRUE(store().abort_upload(context_, key_, "ID/1"));
  const auto sent = transport_.sent();
  EXPECT_EQ(sent.at(0).line(), "POST /logs/a.txt?uploads");
  EXPECT_EQ(sent.at(0).header("x-oss-meta-mode"), "33188");
  EXPECT_EQ(sent.at(1).line(), "PUT /logs/a.txt?partNumber=7&uploadId=ID%2F1");
  EXPECT_EQ(sent.at(1).body, "bcd");
  EXPECT_EQ(sent.at(2).header("x-oss-copy-source"), "/examplebucket/src");
  EXPECT_EQ(sent.at(2).header("x-oss-copy-source-range"), "bytes=10-19");
  EXPECT_EQ(sent.at(2).header("x-oss-copy-source-if-match"), "\"S\"");
  EXPECT_EQ(sent.at(3).line(), "POST /logs/a.txt?uploadId=ID");
  EXPECT_EQ(sent.at(3).body,
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;A&quot;</ETag>"
            "</Part><Part><PartNumber>2</PartNumber><ETag>&quot;B&quot;</ETag></Part>"
            "</CompleteMultipartUpload>");
  EXPECT_EQ(sent.at(4).line(), "DELETE /logs/a.txt?uploadId=ID%2F1");
}

TEST_F(Multipart, VerifiesTheWholeAgainstItsParts) {
  transport_.reply(completed("abcdX"));
  const auto result = complete();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Corrupt);
  expect_script_done(1);
}

TEST_F(Multipart, RecognisesACompletionWhoseAnswerWasLost) {
  transport_.reply(broken(ErrorKind::Timeout))
      .reply(refusal(404, "NoSuchUpload"))
      .reply(there("abcde"));
  const auto result = complete();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->etag.text(), "WHOLE-2");
}

TEST_F(Multipart, DoesNotTakeAnotherObjectForItsCompletion) {
  for (const auto& other : {there("abcdX"), described("abcde"), refusal(404, "NoSuchKey")}) {
    transport_.reply(broken()).reply(refusal(404, "NoSuchUpload")).reply(other);
    const auto result = complete();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::NoUpload);
  }
}

TEST_F(Multipart, DoubtsALossThatHeadDoesNotFind) {
  options_.retry.doubted = 2;
  transport_.reply(refusal(412, "PreconditionFailed"))
      .reply(refusal(404, "NoSuchKey"))
      .reply(completed("abcde"));
  const store::Precondition absent{.kind = Kind::Absent, .etag = {}};
  ASSERT_TRUE(store().complete_upload(context_, key_, "ID", parts_, absent));
  expect_script_done(3);
}

TEST_F(Multipart, AbortIsDoneWhenTheRetryFindsNothing) {
  transport_.reply(broken()).reply(refusal(404, "NoSuchUpload"));
  EXPECT_TRUE(store().abort_upload(context_, key_, "ID"));
  transport_.reply(refusal(404, "NoSuchUpload"));
  EXPECT_EQ(store().abort_upload(context_, key_, "ID").error().kind, ErrorKind::NoUpload);
}

// ---- probe

TEST_F(Write, ProbeTellsAMissingRightToListFromNoRightAtAll) {
  const test::Reply page =
      ok({}, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
  transport_.reply(page);
  EXPECT_TRUE(store().probe(context_, "p/").value().may_list);
  transport_.reply(refusal(403, "AccessDenied")).reply(refusal(404, "NoSuchKey"));
  EXPECT_FALSE(store().probe(context_, "p/").value().may_list);
  transport_.reply(refusal(403, "AccessDenied"))
      .reply(refusal(403, "AccessDenied"))
      .reply(refusal(404, "NoSuchUpload"));
  EXPECT_FALSE(store().probe(context_, "p/").value().may_list);
  for (int n = 0; n < 3; ++n) {
    transport_.reply(refusal(403, "AccessDenied"));
  }
  EXPECT_EQ(store().probe(context_, "p/").error().kind, ErrorKind::Denied);
  transport_.reply(refusal(404, "NoSuchBucket"));
  EXPECT_EQ(store().probe(context_, "").error().kind, ErrorKind::NoBucket);
  EXPECT_EQ(transport_.left(), 0U);
}

}  // namespace
}  // namespace oss
