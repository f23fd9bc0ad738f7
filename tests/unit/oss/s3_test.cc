// What is different in the S3 dialect.
#include "core/digest.h"
#include "unit/oss/listing_oracle.h"
#include "unit/oss/store_fixture.h"

namespace oss {
namespace {

using core::ErrorKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Kind = store::Precondition::Kind;

constexpr const char* kMd5OfHello = "5d41402abc4b2a76b9719d911017c592";

class S3 : public OssStoreTest {
 protected:
  S3() {
    options_.dialect = Dialect::S3;
    options_.endpoint = http::parse_origin("http://127.0.0.1:7480").value();
  }
  core::Result<store::Published> put(const store::Precondition& precondition) {
    return store().put(context_, key_, store::text_source("hello"), {"text/plain", {{"mode", "1"}}},
                       precondition);
  }
  static test::Reply stored(const std::string& etag) {
    return ok({{"ETag", "\"" + etag + "\""}, {"x-amz-version-id", "v1"}});
  }
  static test::Reply there(const std::string& etag, const std::string& size = "5") {
    return ok({{"ETag", '"' + etag + '"'},
               {"Content-Length", size},
               {"x-amz-meta-mode", "1"},
               {"x-amz-storage-class", "STANDARD_IA"}});
  }
  static test::Reply copied(const std::string& etag) {
    return ok({}, "<CopyObjectResult><ETag>\"" + etag +
                      "\"</ETag><LastModified>2024-01-02T03:04:05.000Z</LastModified>"
                      "</CopyObjectResult>");
  }
  model::ObjectVersion source_version() {
    model::ObjectVersion version;
    version.key = model::ObjectKey("from");
    version.etag = model::ETag("E1");
    version.size = 5;
    return version;
  }
  const Traits& traits_ = traits_of(Dialect::S3);
};

TEST_F(S3, SignsWithVersionFourForTheDefaultRegion) {
  transport_.reply(there("E"));
  const auto meta = store().head(context_, key_);
  ASSERT_TRUE(meta) << core::describe(meta.error());
  EXPECT_EQ(meta->settings.storage_class, "STANDARD_IA");
  EXPECT_EQ(meta->user.at("mode"), "1");
  EXPECT_FALSE(meta->crc64);
  const test::Sent sent = transport_.sent().at(0);
  EXPECT_EQ(sent.line(), "HEAD /examplebucket/logs/a.txt");
  EXPECT_THAT(sent.header("Authorization"), StartsWith("AWS4-HMAC-SHA256 Credential=STS.one/"));
  EXPECT_THAT(sent.header("Authorization"), HasSubstr("/us-east-1/s3/aws4_request"));
  EXPECT_EQ(sent.header("x-amz-security-token"), "token-one");
}

TEST_F(S3, WritesCarryTheirMd5AndConditionsWithoutQuotes) {
  transport_.reply(stored(kMd5OfHello)).reply(stored(kMd5OfHello));
  ASSERT_TRUE(put({.kind = Kind::Absent, .etag = {}}));
  const auto second = put({.kind = Kind::Matches, .etag = model::ETag("\"E1\"")});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->version_id, "v1");
  const auto sent = transport_.sent();
  EXPECT_EQ(sent[0].header("If-None-Match"), "*");
  EXPECT_EQ(sent[0].header("Content-MD5"), core::base64(core::md5("hello")));
  EXPECT_EQ(sent[0].header("x-amz-meta-mode"), "1");
  EXPECT_EQ(sent[1].header("If-Match"), "E1");
}

TEST_F(S3, NewObjectsAreWhatTheOptionsSay) {
  options_.new_objects = {"STANDARD_IA", "aws:kms", "key-1", "bucket-owner-full-control"};
  options_.requester_pays = true;
  transport_.reply(stored(kMd5OfHello)).reply(copied("E1"));
  const auto made = put({});
  ASSERT_TRUE(made);
  store::CopyRequest copy;
  copy.source = source_version();
  copy.settings = made->settings;  // what is edited afterwards stays so
  copy.target = key_;
  ASSERT_TRUE(store().copy(context_, copy));
  for (const test::Sent& sent : transport_.sent()) {
    EXPECT_EQ(sent.header("x-amz-storage-class"), "STANDARD_IA");
    EXPECT_EQ(sent.header("x-amz-server-side-encryption"), "aws:kms");
    EXPECT_EQ(sent.header("x-amz-server-side-encryption-aws-kms-key-id"), "key-1");
    EXPECT_EQ(sent.header("x-amz-acl"), "bucket-owner-full-control");
    EXPECT_EQ(sent.header("x-amz-request-payer"), "requester");
  }
}

TEST_F(S3, ATargetThatHadToBeAbsentExists) {
  for (int n = 0; n < 2; ++n) {
    transport_.reply(refusal(412, "PreconditionFailed")).reply(there("another"));
  }
  EXPECT_EQ(put({.kind = Kind::Absent, .etag = {}}).error().kind, ErrorKind::Exists);
  EXPECT_EQ(put({.kind = Kind::Matches, .etag = model::ETag("E")}).error().kind,
            ErrorKind::Changed);
}

TEST_F(S3, DoubtsThatAnotherReplacedWhatHeadFindsUnchanged) {
  options_.retry.doubted = 2;
  transport_.reply(refusal(412, "PreconditionFailed")).reply(there("E")).reply(stored(kMd5OfHello));
  EXPECT_TRUE(put({.kind = Kind::Matches, .etag = model::ETag("E")}));
  expect_script_done(3);
}

TEST_F(S3, AWriteWhoseAnswerWasLostIsRecognisedByItsMd5) {
  for (const Kind kind : {Kind::Absent, Kind::Matches}) {
    transport_.reply(broken()).reply(refusal(412, "PreconditionFailed")).reply(there(kMd5OfHello));
    const auto published = put({.kind = kind, .etag = model::ETag("E")});
    ASSERT_TRUE(published) << core::describe(published.error());
    EXPECT_EQ(published->etag.text(), kMd5OfHello);
  }
  transport_.reply(broken()).reply(refusal(412, "PreconditionFailed")).reply(there("another"));
  EXPECT_EQ(put({.kind = Kind::Absent, .etag = {}}).error().kind, ErrorKind::Exists);
}

TEST_F(S3, ConflictsOfTwoWritersAreTriedAgain) {
  transport_.reply(refusal(409, "ConditionalRequestConflict")).reply(stored(kMd5OfHello));
  EXPECT_TRUE(put({.kind = Kind::Absent, .etag = {}}));
}

TEST_F(S3, CopiesNameTheirSourceInBothSpellings) {
  transport_.reply(copied("E1"));
  store::CopyRequest request;
  request.source = source_version();
  request.target = key_;
  request.replace = store::ObjectAttributes{};
  request.settings = plain_settings();
  ASSERT_TRUE(store().copy(context_, request));
  const auto sent = transport_.sent().at(0);
  EXPECT_EQ(sent.header("x-amz-copy-source"), "/examplebucket/from");
  EXPECT_EQ(sent.header("x-amz-copy-source-if-match"), "E1");
  EXPECT_EQ(sent.header("x-amz-copy-if-match"), "E1");
  EXPECT_EQ(sent.header("x-amz-metadata-directive"), "REPLACE");
  expect_script_done(1);
}

TEST_F(S3, ACopyOfAnotherVersionIsFoundOut) {
  store::CopyRequest request;
  request.source = source_version();
  request.settings = plain_settings();
  request.target = key_;
  transport_.reply(copied("E2")).reply(there("E2"));
  EXPECT_EQ(store().copy(context_, request).error().kind, ErrorKind::Changed);
  // What was joined from parts may get another ETag when it is copied.
  transport_.reply(copied("E3")).reply(there("E1"));
  EXPECT_TRUE(store().copy(context_, request));
  // A copy onto itself is found under its new ETag.
  request.target = request.source.key;
  transport_.reply(copied("E3")).reply(there("E3"));
  EXPECT_TRUE(store().copy(context_, request));
  expect_script_done(6);
}

TEST_F(S3, ARefusalAfterTwoHundredIsARefusal) {
  store::CopyRequest request;
  request.source = source_version();
  request.settings = plain_settings();
  request.target = key_;
  const auto late = [](const char* code) {
    return ok({}, std::string("  \n<?xml version=\"1.0\"?>\n<Error><Code>") + code +
                      "</Code><Message>late</Message></Error>");
  };
  transport_.reply(late("InternalError")).reply(copied("E1"));
  EXPECT_TRUE(store().copy(context_, request));
  transport_.reply(late("NoSuchUpload")).reply(refusal(404, "NoSuchKey"));
  const auto done = store().complete_upload(
      context_, key_, "id",
      {{.number = 1, .etag = model::ETag(kMd5OfHello), .size = 5, .crc64 = {}}}, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::NoUpload);
  EXPECT_EQ(done.error().remote->code, "NoSuchUpload");
}

TEST_F(S3, ACompletionWhoseAnswerWasLostIsRecognisedByTheMd5OfItsParts) {
  const std::string joined = core::hex(core::md5(core::md5("hello") + core::md5("hello"))) + "-2";
  const std::vector<store::PartReceipt> parts = {
      {.number = 1, .etag = model::ETag(kMd5OfHello), .size = 5, .crc64 = {}},
      {.number = 2, .etag = model::ETag(kMd5OfHello), .size = 5, .crc64 = {}}};
  transport_.reply(broken()).reply(refusal(404, "NoSuchUpload")).reply(there(joined, "10"));
  const auto done = store().complete_upload(context_, key_, "id", parts, {});
  ASSERT_TRUE(done) << core::describe(done.error());
  EXPECT_EQ(done->etag.text(), joined);
  transport_.reply(broken())
      .reply(refusal(404, "NoSuchUpload"))
      .reply(there(std::string(kMd5OfHello) + "-2", "10"));
  EXPECT_EQ(store().complete_upload(context_, key_, "id", parts, {}).error().kind,
            ErrorKind::NoUpload);
}

TEST_F(S3, PartsCopiedFromAnotherVersionAreFoundOut) {
  const auto part = ok({}, "<CopyPartResult><ETag>P</ETag></CopyPartResult>");
  transport_.reply(part).reply(there("E1"));
  EXPECT_TRUE(store().upload_part_copy(context_, key_, "id", 1, source_version(), {0, 5}));
  transport_.reply(part).reply(there("E2"));
  EXPECT_EQ(
      store().upload_part_copy(context_, key_, "id", 1, source_version(), {0, 5}).error().kind,
      ErrorKind::Changed);
}

test::Reply granted(const std::string& grants) {
  return ok({}, "<AccessControlPolicy><Owner><ID>me</ID></Owner><AccessControlList>" + grants +
                    "</AccessControlList></AccessControlPolicy>");
}

std::string grant(const std::string& who, const std::string& permission) {
  return "<Grant><Grantee>" + who + "</Grantee><Permission>" + permission + "</Permission></Grant>";
}

TEST_F(S3, AclsBecomeTheHeadersThatGrantTheSame) {
  const std::string mine = grant("<ID>me</ID>", "FULL_CONTROL");
  const std::string all = "<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>";
  transport_.reply(granted(mine))
      .reply(granted(mine + grant(all, "READ")))
      .reply(granted(mine + grant("<ID>other</ID>", "FULL_CONTROL") + grant(all, "READ_ACP")))
      .reply(granted(mine + grant("<ID>other</ID>", "WRITE")))
      .reply(granted(mine + grant("<Nobody/>", "READ")))
      .reply(granted(grant("", "FULL_CONTROL")));
  EXPECT_EQ(store().get_acl(context_, key_).value(), store::Acl{});
  EXPECT_EQ(store().get_acl(context_, key_).value(), (store::Acl{{"acl", "public-read"}}));
  EXPECT_EQ(
      store().get_acl(context_, key_).value(),
      (store::Acl{{"grant-full-control", "id=\"me\", id=\"other\""},
                  {"grant-read-acp", "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\""}}));
  EXPECT_EQ(store().get_acl(context_, key_).error().kind, ErrorKind::InvalidArgument);
  EXPECT_EQ(store().get_acl(context_, key_).error().kind, ErrorKind::InvalidArgument);
  EXPECT_EQ(store().get_acl(context_, key_).value(), store::Acl{}) << "an owner without a name";
  EXPECT_EQ(transport_.sent().at(0).line(), "GET /examplebucket/logs/a.txt?acl");
}

TEST_F(S3, AnEditedObjectIsKeptAsItWas) {
  options_.new_objects = {"STANDARD_IA", "aws:kms", "key-1", "public-read"};
  test::Reply head = ok({{"ETag", "\"E1\""}, {"Content-Length", "5"}});
  head.headers.add("x-amz-server-side-encryption", "aws:kms");
  head.headers.add("x-amz-server-side-encryption-aws-kms-key-id", "its-key");
  head.headers.add("x-amz-tagging-count", "1");
  transport_.reply(head);
  const auto meta = store().head(context_, key_);
  ASSERT_TRUE(meta);
  EXPECT_FALSE(meta->settings.tags) << "there are some";
  store::CopyRequest request;
  request.source = source_version();
  request.target = key_;
  request.settings = meta->settings;
  transport_.reply(granted(grant("<ID>me</ID>", "FULL_CONTROL"))).reply(copied("E1"));
  ASSERT_TRUE(store().copy(context_, request));
  const test::Sent sent = transport_.sent().at(2);
  EXPECT_EQ(sent.header("x-amz-server-side-encryption-aws-kms-key-id"), "its-key");
  EXPECT_FALSE(sent.request.headers.get("x-amz-storage-class")) << "it was STANDARD";
  EXPECT_FALSE(sent.request.headers.get("x-amz-acl"));
}

TEST_F(S3, HasNoSymbolicLinks) {
  EXPECT_FALSE(store().capabilities().symlinks);
  EXPECT_EQ(store().put_symlink(context_, key_, model::ObjectKey("x"), {}, {}).error().kind,
            ErrorKind::Unsupported);
  EXPECT_EQ(store().get_symlink(context_, key_).error().kind, ErrorKind::Unsupported);
  expect_script_done(0);
}

TEST_F(S3, TokensOfAllSortsAreRefusedAndSucceeded) {
  for (const auto& reply : {refusal(400, "ExpiredToken"), refusal(400, "InvalidToken"),
                            refusal(403, "InvalidAccessKeyId"), [] {
                              test::Reply silent;  // how a HEAD looks
                              silent.status = 400;
                              return silent;
                            }()}) {
    credentials_.add("STS.next", "token-next");
    const auto before = credentials_.rejected.size();
    transport_.reply(reply).reply(there("E"));
    EXPECT_TRUE(store().head(context_, key_));
    EXPECT_EQ(credentials_.rejected.size(), before + 1);
  }
}

TEST_F(S3, AccessDeniedAtATokensEndMeansThatItHasExpired) {
  credentials_.replace_all();
  credentials_.add("STS.old", "token-old", clock_.steady_now() + std::chrono::seconds{1});
  credentials_.add("STS.new", "token-new", clock_.steady_now() + std::chrono::hours{1});
  transport_.reply(refusal(403, "AccessDenied")).reply(there("E"));
  EXPECT_TRUE(store().head(context_, key_));
  EXPECT_THAT(credentials_.rejected, ElementsAre(1));
  // A young token was not refused for its age.
  transport_.reply(refusal(403, "AccessDenied"));
  EXPECT_EQ(store().head(context_, key_).error().kind, ErrorKind::Denied);
  EXPECT_THAT(credentials_.rejected, ElementsAre(1));
}

TEST_F(S3, TheWrongRegionIsNamedWithTheRightOne) {
  transport_.reply(refusal(301, "PermanentRedirect",
                           "<Endpoint>examplebucket.s3.eu-west-1.amazonaws.com</Endpoint>"));
  auto refused = store().list(context_, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Protocol);
  EXPECT_THAT(refused.error().message, HasSubstr("its endpoint is examplebucket.s3.eu-west-1"));
  ASSERT_TRUE(refused.error().remote->elsewhere);
  EXPECT_EQ(refused.error().remote->elsewhere->endpoint,
            "examplebucket.s3.eu-west-1.amazonaws.com");
  transport_.reply(refusal(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"));
  refused = store().list(context_, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::Protocol);
  EXPECT_THAT(refused.error().message, HasSubstr("--region eu-west-1"));
  ASSERT_TRUE(refused.error().remote->elsewhere);
  EXPECT_EQ(refused.error().remote->elsewhere->region, "eu-west-1");
  test::Reply silent;
  silent.status = 301;
  silent.headers = {{"x-amz-bucket-region", "eu-west-2"}};
  transport_.reply(silent);
  EXPECT_THAT(store().head(context_, key_).error().message, HasSubstr("--region eu-west-2"));
}

TEST_F(S3, ListingsOfServicesThatDoNotEncodeAreBelieved) {
  const std::string page =
      "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a%41&#x01; ü"
      "</NextContinuationToken><Contents><Key>dir/ü &amp; %41</Key><Size>1</Size>"
      "<LastModified>2024-01-02T03:04:05Z</LastModified></Contents></ListBucketResult>";
  const auto read = scan_listing(page, traits_);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->objects.at(0).key.text(), "dir/ü & %41");
  EXPECT_EQ(read->next_token, "a%41\x01 ü");
  EXPECT_FALSE(scan_listing(page, traits_of(Dialect::Oss)));
}

TEST_F(S3, BatchDeletesSpeakPlainKeys) {
  transport_.reply(ok({},
                      "<DeleteResult><Deleted><Key>ü 1</Key></Deleted>"
                      "<Deleted><Key>b</Key></Deleted></DeleteResult>"));
  EXPECT_TRUE(store().remove_many(context_, {model::ObjectKey("ü 1"), model::ObjectKey("b")}));
  const auto sent = transport_.sent().at(0);
  EXPECT_EQ(sent.line(), "POST /examplebucket/?delete");
  EXPECT_FALSE(sent.header("Content-MD5").empty());
}

TEST_F(S3, WhatBatchesAreDeniedIsRemovedKeyByKey) {
  const std::vector<model::ObjectKey> keys = {model::ObjectKey("a"), model::ObjectKey("b")};
  transport_
      .reply(ok({},
                "<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b</Key>"
                "<Code>AccessDenied</Code></Error></DeleteResult>"))
      .reply(no_content());
  EXPECT_TRUE(store().remove_many(context_, keys));
  EXPECT_EQ(transport_.sent().back().line(), "DELETE /examplebucket/b");
  // From now on no batch is tried; whoever may not remove a key is told so.
  transport_.reply(no_content()).reply(refusal(403, "AccessDenied"));
  EXPECT_EQ(store().remove_many(context_, keys).error().kind, ErrorKind::Denied);
  expect_script_done(4);
}

TEST_F(S3, ABatchThatIsDeniedAsAWholeIsRemovedKeyByKey) {
  transport_.reply(refusal(403, "AccessDenied")).reply(no_content()).reply(no_content());
  EXPECT_TRUE(store().remove_many(context_, {model::ObjectKey("a"), model::ObjectKey("b")}));
  expect_script_done(3);
}

TEST_F(S3, ReadsAskForTheVersionWithoutQuotes) {
  transport_.reply(ok({{"ETag", "\"E1\""}, {"Content-Length", "5"}}, "hello"));
  TextSink sink;
  ASSERT_TRUE(store().read(context_, source_version(), {0, 5}, sink));
  EXPECT_EQ(transport_.sent().at(0).header("If-Match"), "E1");
  EXPECT_EQ(transport_.sent().at(0).header("x-oss-range-behavior"), "");
}

}  // namespace
}  // namespace oss
