#include "transfer/uploads.h"

#include <gmock/gmock.h>

#include <thread>

#include "core/digest.h"
#include "support/fake_clock.h"
#include "support/fake_store.h"
#include "support/results.h"
#include "transfer/upload_plan.h"
#include "unit/transfer/uploads_fixture.h"

namespace {

using core::ErrorKind;
using model::ByteRange;
using model::ObjectKey;
using store::Precondition;
using test::FailsWith;
using test::on;
using test::Op;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
using transfer::Uploads;

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;

std::string filler(std::size_t size, char salt = 0) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    text[i] = static_cast<char>((i * 2654435761U >> 11U) + static_cast<unsigned char>(salt));
  }
  return text;
}

Precondition absent() {
  Precondition p;
  p.kind = Precondition::Kind::Absent;
  return p;
}
Precondition matches(const model::ETag& etag) {
  Precondition p;
  p.kind = Precondition::Kind::Matches;
  p.etag = etag;
  return p;
}

class UploadsTest : public testing::Test {
 protected:
  UploadsTest() {
    options_.multipart_threshold_bytes = kMiB;
    options_.part_bytes = 256 * kKiB;
    options_.connections = 4;
  }
  Uploads& uploads() {
    if (!uploads_) {
      uploads_ = Uploads::create(store_, clock_, metrics_, options_);
    }
    return *uploads_;
  }
  core::Result<store::Published> publish(const std::string& key, std::string text,
                                         const Precondition& precondition = {},
                                         const core::OpContext& context = {}) {
    store::ObjectAttributes attributes;
    attributes.content_type = "text/plain";
    attributes.user = {{"mode", "420"}};
    return uploads().publish(context, ObjectKey(key), store::text_source(std::move(text)),
                             attributes, precondition);
  }
  void capabilities(bool exclusive, bool swap) {
    auto can = store_.capabilities();
    can.create_exclusive = exclusive;
    can.compare_and_swap = swap;
    store_.set_capabilities(can);
  }

  test::FakeClock clock_;
  test::FakeStore store_{clock_};
  core::Metrics metrics_;
  transfer::UploadOptions options_;
  std::unique_ptr<Uploads> uploads_;
};

TEST_F(UploadsTest, TheThresholdDividesPutFromMultipart) {
  const std::string below = filler(kMiB - 1);
  const std::string at = filler(kMiB);
  ASSERT_TRUE(publish("below", below));
  EXPECT_EQ(store_.count(Op::Put), 1);
  EXPECT_EQ(store_.count(Op::StartUpload), 0);
  ASSERT_TRUE(publish("at", at));
  EXPECT_EQ(store_.count(Op::Put), 1);
  EXPECT_EQ(store_.count(Op::UploadPart), 4);
  EXPECT_EQ(store_.count(Op::Head), 0);
  ASSERT_TRUE(publish("empty", ""));
  EXPECT_TRUE(store_.content("below") == below);
  EXPECT_TRUE(store_.content("at") == at);
  EXPECT_EQ(store_.content("empty"), "");
  EXPECT_EQ(store_.meta("at")->user.at("mode"), "420");
  EXPECT_EQ(store_.meta("at")->content_type, "text/plain");
  EXPECT_EQ(metrics_["transfer.uploads_completed"].value(), 3);
  EXPECT_EQ(metrics_["transfer.bytes_uploaded"].value(), std::int64_t{2 * kMiB - 1});
}

TEST_F(UploadsTest, PartsCoverTheSourceSideBySide) {
  const std::string content = filler(kMiB + 100);
  auto held = store_.hold(on(Op::UploadPart));
  std::thread uploader([&] { EXPECT_TRUE(publish("a", content)); });
  held.await(1);
  held.release();
  uploader.join();
  std::vector<ByteRange> ranges;
  for (const auto& call : store_.calls(Op::UploadPart)) {
    ranges.push_back(call.range);
    EXPECT_EQ(call.range.first, static_cast<std::uint64_t>(call.part - 1) * 256 * kKiB);
    EXPECT_EQ(call.cause, core::Cause::Upload);
  }
  EXPECT_THAT(ranges,
              UnorderedElementsAre(ByteRange{0, 256 * kKiB}, ByteRange{256 * kKiB, 512 * kKiB},
                                   ByteRange{512 * kKiB, 768 * kKiB}, ByteRange{768 * kKiB, kMiB},
                                   ByteRange{kMiB, kMiB + 100}));
  EXPECT_TRUE(store_.content("a") == content);
  EXPECT_EQ(store_.open_uploads(), 0);
}

TEST_F(UploadsTest, NeverMorePartsAtOnceThanConnections) {
  ASSERT_TRUE(publish("a", filler(8 * kMiB)));
  EXPECT_EQ(store_.count(Op::UploadPart), 32);
  EXPECT_LE(store_.most_at_once(Op::UploadPart), 4);
}

TEST_F(UploadsTest, AFailingPartEndsTheUploadAndAbortsIt) {
  store_.fail(on(Op::UploadPart, 3), core::fail(ErrorKind::Denied, "no"));
  const auto failed = publish("a", filler(2 * kMiB));
  ASSERT_THAT(failed, FailsWith(ErrorKind::Denied));
  EXPECT_THAT(failed.error().message, HasSubstr("upload a: part 3: no"));
  EXPECT_EQ(store_.count(Op::AbortUpload), 1);
  EXPECT_EQ(store_.open_uploads(), 0);
  EXPECT_EQ(store_.count(Op::CompleteUpload), 0);
  EXPECT_EQ(store_.content("a"), std::nullopt);
  EXPECT_EQ(metrics_["transfer.uploads_failed"].value(), 1);
}

TEST_F(UploadsTest, TheAbortHasTimeOfItsOwn) {
  auto held = store_.hold(on(Op::UploadPart, 2));
  core::OpContext context;
  context.deadline = clock_.steady_now() + std::chrono::seconds{5};
  std::thread waiter([&] {
    held.await(1);
    clock_.await_sleepers(1);
    clock_.advance(std::chrono::seconds{6});
  });
  const auto failed = publish("a", filler(2 * kMiB), {}, context);
  waiter.join();
  ASSERT_THAT(failed, FailsWith(ErrorKind::Timeout));
  EXPECT_EQ(store_.open_uploads(), 0);
}

TEST_F(UploadsTest, AStopEndsAllParts) {
  auto rule = on(Op::UploadPart);
  rule.times = 0;
  auto held = store_.hold(rule);
  std::stop_source stop;
  core::OpContext context;
  context.stop = stop.get_token();
  std::thread stopper([&] {
    held.await(4);
    stop.request_stop();
  });
  const auto failed = publish("a", filler(8 * kMiB), {}, context);
  stopper.join();
  ASSERT_THAT(failed, FailsWith(ErrorKind::Cancelled));
  EXPECT_EQ(store_.count(Op::UploadPart), 4);
  EXPECT_EQ(store_.open_uploads(), 0);
}

TEST_F(UploadsTest, WhatTheServiceStoredDifferentlyIsCorrupt) {
  store_.corrupt(on(Op::Put));
  EXPECT_THAT(publish("small", filler(1000)), FailsWith(ErrorKind::Corrupt));
  store_.corrupt(on(Op::CompleteUpload));
  EXPECT_THAT(publish("big", filler(2 * kMiB)), FailsWith(ErrorKind::Corrupt));
}

TEST_F(UploadsTest, AVanishedUploadIsStartedOnceMore) {
  const std::string content = filler(2 * kMiB);
  store_.before(on(Op::UploadPart, 5), [&] { store_.drop_uploads(); });
  ASSERT_TRUE(publish("a", content));
  EXPECT_TRUE(store_.content("a") == content);
  EXPECT_EQ(store_.count(Op::StartUpload), 2);

  auto always = on(Op::CompleteUpload);
  always.times = 0;
  store_.before(always, [&] { store_.drop_uploads(); });
  const auto failed = publish("b", content);
  ASSERT_THAT(failed, FailsWith(ErrorKind::NoUpload));
  EXPECT_EQ(store_.count(Op::StartUpload), 4);
}

TEST_F(UploadsTest, ALostAnswerToCompleteIsRecognised) {
  const std::string content = filler(2 * kMiB);
  auto rule = on(Op::CompleteUpload);
  rule.after_effect = true;
  store_.fail(rule, core::fail(ErrorKind::Unavailable, "connection reset"));
  const auto published = publish("a", content);
  ASSERT_TRUE(published);
  EXPECT_EQ(published->etag, store_.meta("a")->etag);

  store_.fail(on(Op::CompleteUpload), core::fail(ErrorKind::Unavailable, "connection reset"));
  EXPECT_THAT(publish("b", content), FailsWith(ErrorKind::Unavailable));
  EXPECT_EQ(store_.open_uploads(), 0);
}

struct PreconditionCase {
  const char* name;
  bool enforced;
  std::size_t size;
};
class PreconditionTest : public UploadsTest, public testing::WithParamInterface<PreconditionCase> {
 protected:
  void SetUp() override { capabilities(GetParam().enforced, GetParam().enforced); }
};

TEST_P(PreconditionTest, AbsentIsKept) {
  const std::string content = filler(GetParam().size);
  ASSERT_TRUE(publish("new", content, absent()));
  const auto taken = publish("new", filler(GetParam().size, 1), absent());
  ASSERT_THAT(taken, FailsWith(ErrorKind::Exists));
  EXPECT_TRUE(store_.content("new") == content);
  EXPECT_EQ(store_.open_uploads(), 0);
  EXPECT_EQ(store_.count(Op::Head), GetParam().enforced ? 0U : 2U);
}

TEST_P(PreconditionTest, MatchesIsKept) {
  const auto first = store_.set("a", "first");
  const std::string second = filler(GetParam().size);
  ASSERT_TRUE(publish("a", second, matches(first.etag)));
  const auto late = publish("a", filler(GetParam().size, 1), matches(first.etag));
  ASSERT_THAT(late, FailsWith(ErrorKind::Changed));
  EXPECT_TRUE(store_.content("a") == second);
  store_.erase("a");
  EXPECT_THAT(publish("a", second, matches(first.etag)), FailsWith(ErrorKind::Changed));
  EXPECT_EQ(store_.content("a"), std::nullopt);
  EXPECT_EQ(store_.open_uploads(), 0);
}

INSTANTIATE_TEST_SUITE_P(All, PreconditionTest,
                         testing::Values(PreconditionCase{"PutByService", true, 100},
                                         PreconditionCase{"PutByHead", false, 100},
                                         PreconditionCase{"PartsByService", true, 2 * kMiB},
                                         PreconditionCase{"PartsByHead", false, 2 * kMiB}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_F(UploadsTest, SomebodyElseWhilePartsGoUpIsNoticed) {
  const auto first = store_.set("a", "first");
  store_.before(on(Op::UploadPart, 2), [&] { store_.set("a", "theirs"); });
  EXPECT_THAT(publish("a", filler(2 * kMiB), matches(first.etag)), FailsWith(ErrorKind::Changed));
  EXPECT_EQ(store_.content("a"), "theirs");
}

TEST_F(UploadsTest, CopiesAtOnceWhereOneRequestMay) {
  store_.set("from", "text");
  store::CopyRequest request;
  request.source = store_.version("from");
  request.target = ObjectKey("to");
  request.settings.emplace();
  request.settings->acl.emplace();  // known, so that nobody has to ask
  ASSERT_TRUE(uploads().copy({}, request));
  EXPECT_EQ(store_.content("to"), "text");
  EXPECT_EQ(store_.requests(), 1);
  request.precondition = absent();
  EXPECT_THAT(uploads().copy({}, request), FailsWith(ErrorKind::Exists));
  store_.set("from", "other");
  request.precondition = {};
  EXPECT_THAT(uploads().copy({}, request), FailsWith(ErrorKind::Changed));
  store_.erase("from");
  EXPECT_THAT(uploads().copy({}, request), FailsWith(ErrorKind::NotFound));
}

class BigCopy : public UploadsTest {
 protected:
  BigCopy() {
    auto can = store_.capabilities();
    can.max_copy_bytes = kMiB;
    can.max_part_bytes = 512 * kKiB;
    store_.set_capabilities(can);
    store::ObjectAttributes attributes;
    attributes.content_type = "text/plain";
    attributes.user = {{"mode", "420"}};
    store_.set("from", content_, attributes);
    request_.source = store_.version("from");
    request_.target = ObjectKey("to");
  }
  const std::string content_ = filler(3 * kMiB + 5);
  store::CopyRequest request_;
};

TEST_F(BigCopy, GoesByPartsWithItsAttributes) {
  ASSERT_TRUE(uploads().copy({}, request_));
  EXPECT_TRUE(store_.content("to") == content_);
  EXPECT_EQ(store_.meta("to")->user.at("mode"), "420");
  EXPECT_EQ(store_.meta("to")->content_type, "text/plain");
  EXPECT_EQ(store_.count(Op::UploadPartCopy), 7);
  EXPECT_EQ(store_.count(Op::Copy), 0);
  EXPECT_EQ(store_.bytes_read(), 0);
  EXPECT_EQ(metrics_["transfer.parts_copied"].value(), 7);

  request_.replace = store::ObjectAttributes{"image/png", {{"mode", "384"}}};
  ASSERT_TRUE(uploads().copy({}, request_));
  EXPECT_EQ(store_.meta("to")->user.at("mode"), "384");
}

TEST_F(BigCopy, ASourceThatChangesMeanwhileIsNoticed) {
  store_.before(on(Op::UploadPartCopy, 4), [&] { store_.set("from", filler(3 * kMiB + 5, 1)); });
  EXPECT_THAT(uploads().copy({}, request_), FailsWith(ErrorKind::Changed));
  EXPECT_EQ(store_.content("to"), std::nullopt);
  EXPECT_EQ(store_.open_uploads(), 0);
}

TEST_F(BigCopy, AServiceThatAllowsLessAtOnceGetsParts) {
  auto can = store_.capabilities();
  can.max_copy_bytes = 16 * kMiB;
  store_.set_capabilities(can);
  store_.fail(on(Op::Copy), core::fail(ErrorKind::TooLarge, "of this class only 1 MiB"));
  ASSERT_TRUE(uploads().copy({}, request_));
  EXPECT_TRUE(store_.content("to") == content_);
}

TEST_F(BigCopy, ADamagedCopyIsCorrupt) {
  store_.corrupt(on(Op::CompleteUpload));
  EXPECT_THAT(uploads().copy({}, request_), FailsWith(ErrorKind::Corrupt));
}

TEST(UploadPlan, PartsGrowSoThatTheirNumberIsKept) {
  store::Capabilities can;
  struct Row {
    std::uint64_t size;
    std::uint64_t part;
    std::size_t count;
  };
  for (const Row& row :
       {Row{1, 8 * kMiB, 1}, Row{8 * kMiB, 8 * kMiB, 1}, Row{8 * kMiB + 1, 8 * kMiB, 2},
        Row{80'000 * kMiB, 8 * kMiB, 10'000}, Row{80'000 * kMiB + 1, 9 * kMiB, 8'889},
        Row{can.max_part_bytes * 10'000, can.max_part_bytes, 10'000}}) {
    const auto parts = transfer::plan_parts(row.size, 8 * kMiB, can).value();
    EXPECT_EQ(parts.size(), row.count) << row.size;
    EXPECT_EQ(parts.front().size(), std::min(row.size, row.part)) << row.size;
    std::uint64_t at = 0;
    for (const ByteRange& part : parts) {
      ASSERT_EQ(part.first, at);
      at = part.last;
    }
    EXPECT_EQ(at, row.size);
  }
  EXPECT_THAT(transfer::plan_parts(can.max_part_bytes * 10'000 + 1, 8 * kMiB, can),
              FailsWith(ErrorKind::TooLarge));
  EXPECT_EQ(transfer::plan_parts(kMiB, 1, can).value().front().size(), can.min_part_bytes);
}

}  // namespace
