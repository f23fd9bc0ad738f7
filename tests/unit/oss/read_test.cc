#include "core/digest.h"
#include "unit/oss/store_fixture.h"

namespace oss {
namespace {

using core::ErrorKind;
using ::testing::HasSubstr;

const std::string kText = [] {
  std::string text;
  while (text.size() < 10'000) {
    text += std::to_string(text.size()) + " ";
  }
  return text.substr(0, 10'000);
}();

test::Reply part(std::size_t first, std::size_t last, const std::string& etag = "\"E\"",
                 const std::string& text = kText) {
  test::Reply reply;
  reply.status = 206;
  reply.headers = {{"ETag", etag},
                   {"Content-Range", core::format("bytes {}-{}/{}", first, last - 1, text.size())},
                   {"x-oss-hash-crc64ecma", std::to_string(core::crc64(core::as_bytes(kText)))},
                   {"Last-Modified", "Tue, 02 Jan 2024 03:04:05 GMT"},
                   {"x-oss-meta-mode", "33188"}};
  reply.body = text.substr(first, last - first);
  return reply;
}

class Read : public OssStoreTest {
 protected:
  core::Result<store::ObjectMeta> read(std::uint64_t first, std::uint64_t last) {
    return store().read(context_, version_, {first, last}, sink_);
  }
  model::ObjectVersion version_{key_, model::ETag("E"), kText.size(), ""};
  TextSink sink_;
};

TEST_F(Read, PinsVersionAndRange) {
  transport_.reply(part(100, 200));
  const auto meta = read(100, 200);
  ASSERT_TRUE(meta) << meta.error().message;
  EXPECT_EQ(sink_.text, kText.substr(100, 100));
  EXPECT_EQ(meta->size, kText.size());
  EXPECT_EQ(meta->user.at("mode"), "33188");
  const test::Sent sent = transport_.sent().at(0);
  EXPECT_EQ(sent.header("Range"), "bytes=100-199");
  EXPECT_EQ(sent.header("x-oss-range-behavior"), "standard");
  EXPECT_EQ(sent.header("If-Match"), "\"E\"");
  EXPECT_EQ(metric("bytes.received"), 100);
}

TEST_F(Read, TakesTheWholeObjectAsAnswerOnlyIfItWasAskedFor) {
  test::Reply whole = ok({{"ETag", "\"E\""}, {"Content-Length", "10000"}}, kText);
  transport_.reply(whole).reply(whole);
  ASSERT_TRUE(read(0, 20'000));
  EXPECT_EQ(sink_.text, kText);
  const auto meta = read(0, 100);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::Protocol);
  EXPECT_EQ(sink_.text, kText) << "no byte of a range that was not asked for";
}

TEST_F(Read, OfAVersionThatHasAnotherSizeThanItWasSaidToHaveIsNone) {
  version_.size = 500;
  transport_.reply(part(100, 200));
  const auto meta = read(100, 200);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::Protocol);
  EXPECT_EQ(sink_.text, "");
}

TEST_F(Read, DoubtsThatTheBucketOfAnOpenFileIsGone) {
  options_.retry.doubted = 3;
  transport_.reply(refusal(404, "NoSuchBucket")).reply(part(100, 200));
  ASSERT_TRUE(read(100, 200));
  for (int n = 0; n < 3; ++n) {
    transport_.reply(refusal(404, "NoSuchBucket"));
  }
  const auto meta = read(100, 200);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::NoBucket);
  expect_script_done(5);
}

TEST_F(Read, DoubtsThatAnObjectIsReplacedWhichHeadFindsUnchanged) {
  options_.retry.doubted = 3;
  const auto head = [](const char* etag) {
    return ok({{"ETag", etag}, {"Content-Length", "10000"}});
  };
  transport_.reply(refusal(412, "PreconditionFailed")).reply(head("\"E\"")).reply(part(100, 200));
  ASSERT_TRUE(read(100, 200));
  EXPECT_EQ(transport_.sent().at(1).line(), "HEAD /logs/a.txt");
  transport_.reply(refusal(412, "PreconditionFailed")).reply(head("\"OTHER\""));
  EXPECT_EQ(read(100, 200).error().kind, ErrorKind::Changed);
  expect_script_done(5);
}

TEST_F(Read, DoubtsThatAnObjectEndsBeforeItsEnd) {
  options_.retry.doubted = 3;
  transport_.reply(refusal(416, "InvalidRange")).reply(part(100, 200));
  ASSERT_TRUE(read(100, 200));
  transport_.reply(refusal(416, "InvalidRange"));
  EXPECT_EQ(read(10'000, 10'001).error().kind, ErrorKind::OutOfRange);
  expect_script_done(3);
}

TEST_F(Read, DoubtsWhatNoServiceSays) {
  options_.retry.doubted = 4;
  test::Reply unchanged;
  unchanged.status = 304;
  transport_.reply(no_content())
      .reply(unchanged)
      .reply(broken(ErrorKind::Protocol))
      .reply(part(100, 200));
  ASSERT_TRUE(read(100, 200));
  expect_script_done(4);
}

TEST_F(Read, IsCutAtTheEndOfTheObject) {
  transport_.reply(part(9'000, 10'000));
  ASSERT_TRUE(read(9'000, 50'000));
  EXPECT_EQ(sink_.text, kText.substr(9'000));
}

TEST_F(Read, ResumesWhereItBroke) {
  test::Reply first = part(1'000, 9'000);
  first.cut_after = 2'500;
  test::Reply second = part(3'500, 9'000);
  second.cut_after = 0;
  transport_.reply(first).reply(second).reply(broken()).reply(part(3'500, 9'000));
  ASSERT_TRUE(read(1'000, 9'000));
  EXPECT_EQ(sink_.text, kText.substr(1'000, 8'000));
  EXPECT_EQ(transport_.sent().at(1).header("Range"), "bytes=3500-8999");
  EXPECT_EQ(transport_.sent().at(3).header("Range"), "bytes=3500-8999");
  EXPECT_EQ(metric("bytes.received"), 8'000);
}

TEST_F(Read, ResumesTheSameVersionEvenIfAnyWouldDo) {
  version_.etag = {};
  test::Reply first = part(0, 5'000);
  first.cut_after = 1'000;
  transport_.reply(first).reply(part(1'000, 5'000, "\"OTHER\""));
  const auto meta = read(0, 5'000);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::Changed);
  EXPECT_TRUE(transport_.sent().at(0).header("If-Match").empty());
  EXPECT_EQ(transport_.sent().at(1).header("If-Match"), "\"E\"");
  EXPECT_EQ(sink_.text, kText.substr(0, 1'000));
}

TEST_F(Read, AnAnswerThatEndsEarlyWithoutSayingSoIsResumed) {
  test::Reply shorter = part(0, 5'000);
  shorter.body.resize(1'234);
  transport_.reply(shorter).reply(part(1'234, 5'000));
  ASSERT_TRUE(read(0, 5'000));
  EXPECT_EQ(sink_.text, kText.substr(0, 5'000));
}

struct Wrong {
  const char* name;
  test::Reply reply;
  ErrorKind kind;
};
class WrongAnswers : public Read, public ::testing::WithParamInterface<Wrong> {};

TEST_P(WrongAnswers, DeliverNothing) {
  transport_.reply(GetParam().reply);
  const auto meta = read(100, 200);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, GetParam().kind) << meta.error().message;
  EXPECT_THAT(meta.error().message, HasSubstr("GetObject logs/a.txt: "));
  EXPECT_EQ(sink_.text, "");
  expect_script_done(1);
}

test::Reply ranged(const std::string& range, const char* etag = "\"E\"") {
  test::Reply reply = part(100, 200, etag);
  reply.headers.set("Content-Range", range);
  return reply;
}

INSTANTIATE_TEST_SUITE_P(
    Table, WrongAnswers,
    ::testing::Values(Wrong{"OtherVersion", ranged("bytes 100-199/10000", "\"X\""),
                            ErrorKind::Changed},
                      Wrong{"NoEtag", ranged("bytes 100-199/10000", ""), ErrorKind::Protocol},
                      Wrong{"OtherStart", ranged("bytes 0-99/10000"), ErrorKind::Protocol},
                      Wrong{"Shorter", ranged("bytes 100-150/10000"), ErrorKind::Protocol},
                      Wrong{"Longer", ranged("bytes 100-300/10000"), ErrorKind::Protocol},
                      Wrong{"NoRange", ranged(""), ErrorKind::Protocol},
                      Wrong{"Garbage", ranged("bytes 100-199/*"), ErrorKind::Protocol},
                      Wrong{"NoLength", ok({{"ETag", "\"E\""}}, kText), ErrorKind::Protocol},
                      Wrong{"Changed", refusal(412, "PreconditionFailed"), ErrorKind::Changed},
                      Wrong{"Gone", refusal(404, "NoSuchKey"), ErrorKind::NotFound},
                      Wrong{"PastTheEnd", refusal(416, "InvalidRange"), ErrorKind::OutOfRange}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(Read, MoreBytesThanAnnouncedAreNotDelivered) {
  test::Reply longer = part(100, 200);
  longer.body += "more";
  transport_.reply(longer);
  const auto meta = read(100, 200);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::Protocol);
  EXPECT_EQ(sink_.text, "");
}

TEST_F(Read, VerifiesTheSumOfAWholeObjectAndDoesNotRepeatIt) {
  std::string damaged = kText;
  damaged[5'000] ^= 1;
  test::Reply first = part(0, 10'000, "\"E\"", damaged);
  first.cut_after = 6'000;
  transport_.reply(first).reply(part(6'000, 10'000));
  const auto meta = read(0, 10'000);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::Corrupt);
  expect_script_done(2);
}

TEST_F(Read, WhatIsFoundDamagedBeforeAByteWasHandedOnIsAskedForAgain) {
  options_.retry.doubted = 2;
  version_.size = 5;
  const auto answer = [](const std::string& body) {
    return ok({{"ETag", "\"E\""},
               {"Content-Length", "5"},
               {"x-oss-hash-crc64ecma", std::to_string(core::crc64(core::as_bytes("hello")))}},
              body);
  };
  transport_.reply(answer("hellO")).reply(answer("hello"));
  ASSERT_TRUE(read(0, 5));
  EXPECT_EQ(sink_.text, "hello");
  transport_.reply(answer("hellO")).reply(answer("hellO"));
  EXPECT_EQ(read(0, 5).error().kind, ErrorKind::Corrupt);
  EXPECT_EQ(sink_.text, "hello");
  expect_script_done(4);
}

TEST_F(Read, WhatTheSinkSaysIsFinal) {
  sink_.refuse_after = 2'500;
  transport_.reply(part(0, 10'000));
  const auto meta = read(0, 10'000);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().message, "the sink is gone");
  expect_script_done(1);
}

TEST_F(Read, ByETagAloneIsForThoseWhoMayNotReadVersions) {
  version_.version_id = "CAE/1";
  transport_.reply(refusal(403, "AccessDenied")).reply(part(0, 10));
  const auto meta = read(0, 10);
  ASSERT_TRUE(meta) << meta.error().message;
  EXPECT_EQ(transport_.sent().at(1).line(), "GET /logs/a.txt");
  EXPECT_EQ(transport_.sent().at(1).header("If-Match"), "\"E\"");
  transport_.reply(refusal(403, "AccessDenied")).reply(refusal(403, "AccessDenied"));
  EXPECT_EQ(read(0, 10).error().kind, ErrorKind::Denied);
}

TEST_F(Read, OfOneVersionNamesIt) {
  version_.version_id = "CAE/1";
  transport_.reply(part(0, 1));
  ASSERT_TRUE(read(0, 1));
  EXPECT_EQ(transport_.sent().at(0).line(), "GET /logs/a.txt?versionId=CAE%2F1");
}

TEST_F(Read, RefusesAnEmptyRange) {
  const auto meta = read(5, 5);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::InvalidArgument);
  expect_script_done(0);
}

}  // namespace
}  // namespace oss
