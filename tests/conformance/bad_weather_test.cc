// The OSS store over an emulator that misbehaves.
#include <gmock/gmock.h>

#include "conformance/instances.h"
#include "core/digest.h"

namespace conformance {
namespace {

using core::ErrorKind;
using model::ObjectKey;

struct TextSink final : store::Sink {
  core::Status on_data(core::ByteView data) override {
    text += core::as_text(data);
    return {};
  }
  std::string text;
};

class BadWeather : public ::testing::Test {
 protected:
  void fault(const std::string& operation, const std::string& what, int count) {
    instance_.administer("/faults", R"({"operation": ")" + operation + R"(", "fault": ")" + what +
                                        R"(", "count": )" + std::to_string(count) + "}");
  }
  core::Result<store::Published> put(const std::string& key, const std::string& content,
                                     store::Precondition::Kind kind = {}) {
    return instance_.store().put(context_, ObjectKey(key), store::text_source(content), {},
                                 {.kind = kind, .etag = {}});
  }
  core::Result<store::ObjectMeta> read(const model::ObjectVersion& version) {
    sink_.text.clear();
    return instance_.store().read(context_, version, {0, version.size}, sink_);
  }
  model::ObjectVersion big() {
    model::ObjectVersion version;
    version.key = ObjectKey("big");
    version.etag = put("big", text_)->etag;
    version.size = text_.size();
    return version;
  }
  std::int64_t requests(const std::string& operation) {
    return instance_.metrics()["requests." + operation].value();
  }

  EmulatedInstance instance_;
  core::OpContext context_;
  TextSink sink_;
  const std::string text_ = [] {
    std::string digits;
    while (digits.size() < 1'000'000) {
      digits += std::to_string(digits.size()) + ",";
    }
    return digits;
  }();
};

TEST_F(BadWeather, BrokenReadsAreResumed) {
  const auto version = big();
  fault("GetObject", "reset:300000", 1);
  fault("GetObject", "truncate:200000", 1);
  fault("GetObject", "status:503", 2);
  const auto meta = read(version);
  ASSERT_TRUE(meta) << core::describe(meta.error());
  EXPECT_TRUE(sink_.text == text_);
  EXPECT_GE(requests("GetObject"), 3);
}

TEST_F(BadWeather, ADamagedObjectIsNotTakenForWhole) {
  const auto version = big();
  fault("GetObject", "corrupt", 1);
  const auto meta = read(version);
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::Corrupt);
}

TEST_F(BadWeather, LostAnswersToWritesAreRecognised) {
  fault("PutObject", "lost-response", 1);
  const auto created = put("lock", "mine", store::Precondition::Kind::Absent);
  ASSERT_TRUE(created) << core::describe(created.error());
  EXPECT_EQ(put("lock", "mine", store::Precondition::Kind::Absent).error().kind, ErrorKind::Exists);
}

TEST_F(BadWeather, LostAnswersToCompletionsAreRecognised) {
  const ObjectKey key("joined");
  const auto id = instance_.store().start_upload(context_, key, {});
  ASSERT_TRUE(id);
  const auto part =
      instance_.store().upload_part(context_, key, *id, 1, store::text_source("abc"), {0, 3});
  ASSERT_TRUE(part);
  fault("CompleteMultipartUpload", "lost-response", 1);
  const auto done = instance_.store().complete_upload(context_, key, *id, {*part}, {});
  ASSERT_TRUE(done) << core::describe(done.error());
  EXPECT_EQ(done->crc64, core::crc64(core::as_bytes("abc")));
}

TEST_F(BadWeather, RefusalsThatPassArePassedOver) {
  fault("PutObject", "status:500", 2);
  fault("ListObjectsV2", "status:503", 2);
  EXPECT_TRUE(put("a", "x"));
  const auto page = instance_.store().list(context_, {});
  ASSERT_TRUE(page) << core::describe(page.error());
  EXPECT_EQ(page->objects.size(), 1U);
  EXPECT_EQ(requests("PutObject"), 3);
}

TEST_F(BadWeather, ADeadlineEndsTheTrying) {
  fault("HeadObject", "delay:10s", 5);
  context_.deadline = core::BootClock::now() + std::chrono::milliseconds{200};
  const auto meta = instance_.store().head(context_, ObjectKey("a"));
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().kind, ErrorKind::Timeout);
  EXPECT_LT(core::BootClock::now() - context_.deadline, std::chrono::seconds{5});
}

}  // namespace
}  // namespace conformance
