#include "transfer/outgoing.h"

#include <gmock/gmock.h>

#include <cstring>
#include <thread>

#include "core/mutex.h"
#include "support/fake_clock.h"
#include "support/fake_store.h"
#include "support/results.h"
#include "transfer/uploads.h"
#include "unit/transfer/uploads_fixture.h"

namespace {

using core::ErrorKind;
using model::ByteRange;
using model::ObjectKey;
using test::FailsWith;
using test::on;
using test::Op;
using testing::HasSubstr;
using transfer::Outgoing;
using namespace std::chrono_literals;

constexpr std::uint64_t kPart = 64 * 1024;

/// Content that grows and changes while it is read.
class Text final : public store::Source {
 public:
  void write(std::uint64_t offset, const std::string& bytes) {
    const core::MutexLock lock(mutex_);
    text_.resize(std::max<std::size_t>(text_.size(), offset + bytes.size()));
    text_.replace(offset, bytes.size(), bytes);
  }
  void truncate(std::uint64_t size) {
    const core::MutexLock lock(mutex_);
    text_.resize(size);
  }
  [[nodiscard]] std::string text() const {
    const core::MutexLock lock(mutex_);
    return text_;
  }
  [[nodiscard]] std::uint64_t size() const override { return text().size(); }
  core::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) const override {
    const core::MutexLock lock(mutex_);
    const std::size_t at = std::min<std::size_t>(offset, text_.size());
    const std::size_t n = std::min(buffer.size(), text_.size() - at);
    std::memcpy(buffer.data(), text_.data() + at, n);
    return n;
  }

 private:
  mutable core::Mutex mutex_{core::LockRank::Leaf};
  std::string text_;
};

class OutgoingTest : public testing::Test {
 protected:
  OutgoingTest() {
    options_.multipart_threshold_bytes = 2 * kPart;
    options_.part_bytes = kPart;
    options_.connections = 2;
    auto can = store_.capabilities();
    can.min_part_bytes = 1;
    store_.set_capabilities(can);
    uploads_ = transfer::Uploads::create(store_, clock_, metrics_, options_);
    out_ = uploads_->begin(text_, 0);
  }

  Outgoing::Target target(const std::string& mode = "420") {
    Outgoing::Target target{ObjectKey("a"), {}};
    target.attributes.content_type = "text/plain";
    target.attributes.user = {{"mode", mode}};
    return target;
  }
  /// As a program that writes on.
  void append(std::uint64_t size) {
    const std::uint64_t at = text_->size();
    std::string bytes(size, '\0');
    for (std::uint64_t i = 0; i < size; ++i) {
      bytes[i] = static_cast<char>((at + i) * 2654435761U >> 13U);
    }
    text_->write(at, bytes);
    tell(at, size);
  }
  void tell(std::uint64_t at, std::uint64_t size) {
    if (out_->wrote({at, at + size})) {
      out_->start(target());
    }
  }
  core::Result<Outgoing::Delivered> publish(const std::string& key = "a",
                                            const core::OpContext& context = {},
                                            const std::string& mode = "420") {
    Outgoing::Delivery delivery{target(mode), std::nullopt, {}};
    delivery.target.key = ObjectKey(key);
    return out_->publish(context, delivery);
  }
  void await_parts(std::size_t count) {
    while (metrics_["transfer.parts_uploaded"].value() < static_cast<std::int64_t>(count)) {
      std::this_thread::yield();
    }
  }

  test::FakeClock clock_;
  test::FakeStore store_{clock_};
  core::Metrics metrics_;
  transfer::UploadOptions options_;
  std::unique_ptr<transfer::Uploads> uploads_;
  std::shared_ptr<Text> text_ = std::make_shared<Text>();
  std::shared_ptr<Outgoing> out_;
};

TEST_F(OutgoingTest, PartsArriveWhileTheProgramWrites) {
  append(3 * kPart + 1);
  await_parts(3);
  EXPECT_TRUE(out_->started());
  append(kPart);
  await_parts(4);
  EXPECT_EQ(store_.content("a"), std::nullopt);
  ASSERT_TRUE(publish());
  EXPECT_TRUE(store_.content("a") == text_->text());
  EXPECT_EQ(store_.count(Op::UploadPart), 5);
  EXPECT_EQ(store_.count(Op::StartUpload), 1);
  EXPECT_EQ(store_.meta("a")->user.at("mode"), "420");
  EXPECT_EQ(store_.open_uploads(), 0);
  EXPECT_EQ(metrics_["transfer.parts_ahead"].value(), 4);
  EXPECT_EQ(metrics_["transfer.uploads_completed"].value(), 1);
}

TEST_F(OutgoingTest, OnePartIsOnePut) {
  append(kPart);
  ASSERT_TRUE(publish());
  EXPECT_EQ(store_.requests(), 1);
  EXPECT_TRUE(store_.content("a") == text_->text());
}

TEST_F(OutgoingTest, WhatIsChangedUnderwayIsSentAgain) {
  auto held = store_.hold(on(Op::UploadPart, 2));
  append(2 * kPart + 1);
  held.await(1);
  await_parts(1);
  text_->write(10, "changed");
  tell(10, 7);
  text_->write(kPart, "changed too");
  tell(kPart, 11);
  held.release();
  ASSERT_TRUE(publish());
  EXPECT_TRUE(store_.content("a") == text_->text());
  EXPECT_EQ(store_.count(Op::AbortUpload), 0);
}

TEST_F(OutgoingTest, WhatNobodyPublishesIsThrownAway) {
  append(3 * kPart);
  await_parts(1);
  out_.reset();
  EXPECT_EQ(store_.open_uploads(), 0);
  EXPECT_EQ(store_.count(Op::AbortUpload), 1);
  EXPECT_EQ(store_.content("a"), std::nullopt);
}

TEST_F(OutgoingTest, PartsUnderWayDoNotKeepItAlive) {
  auto held = store_.hold(on(Op::UploadPart));
  append(3 * kPart);
  held.await(1);
  out_.reset();
  EXPECT_EQ(store_.open_uploads(), 0);
  EXPECT_EQ(store_.count(Op::CompleteUpload), 0);
}

TEST_F(OutgoingTest, AnotherKeyBeginsAnew) {
  append(3 * kPart);
  await_parts(2);
  ASSERT_TRUE(publish("b"));
  EXPECT_EQ(store_.content("a"), std::nullopt);
  EXPECT_TRUE(store_.content("b") == text_->text());
  EXPECT_EQ(store_.open_uploads(), 0);
}

TEST_F(OutgoingTest, AttributesThatChangedComeByACopy) {
  append(3 * kPart);
  const auto delivered = publish("a", {}, "493");
  ASSERT_TRUE(delivered);
  EXPECT_TRUE(delivered->amended);
  EXPECT_EQ(store_.count(Op::Copy), 1);
  EXPECT_EQ(store_.meta("a")->user.at("mode"), "493");
  EXPECT_EQ(delivered->published.etag, store_.meta("a")->etag);
  EXPECT_TRUE(store_.content("a") == text_->text());
}

TEST_F(OutgoingTest, ACopyThatFailsLeavesThePublishedContent) {
  store_.fail(on(Op::Copy), core::fail(ErrorKind::Denied, "no"));
  append(3 * kPart);
  const auto delivered = publish("a", {}, "493");
  ASSERT_TRUE(delivered);
  EXPECT_THAT(delivered->amended, FailsWith(ErrorKind::Denied));
  EXPECT_EQ(delivered->attributes.user.at("mode"), "420");
  EXPECT_EQ(delivered->published.etag, store_.meta("a")->etag);
}

TEST_F(OutgoingTest, WhatFailedWhileItWasWrittenIsSentAgain) {
  store_.fail(on(Op::UploadPart, 1), core::fail(ErrorKind::Unavailable, "no"));
  append(3 * kPart);
  while (store_.count(Op::UploadPart) == 0) {
    std::this_thread::yield();
  }
  ASSERT_TRUE(publish());
  EXPECT_TRUE(store_.content("a") == text_->text());
}

TEST_F(OutgoingTest, APartThatFailsAtTheEndIsTold) {
  append(3 * kPart + 1);
  await_parts(3);
  store_.fail(on(Op::UploadPart, 4), core::fail(ErrorKind::Denied, "no"));
  const auto failed = publish();
  ASSERT_THAT(failed, FailsWith(ErrorKind::Denied));
  EXPECT_THAT(failed.error().message, HasSubstr("upload a: part 4: no"));
  EXPECT_EQ(store_.open_uploads(), 0);
  EXPECT_EQ(store_.count(Op::AbortUpload), 1);
  EXPECT_EQ(metrics_["transfer.uploads_failed"].value(), 1);
}

TEST_F(OutgoingTest, SomebodyElsesObjectIsNotReplaced) {
  append(3 * kPart);
  store_.set("a", "first");
  Outgoing::Delivery delivery{target(), std::nullopt, {}};
  delivery.precondition.kind = store::Precondition::Kind::Absent;
  EXPECT_THAT(out_->publish({}, delivery), FailsWith(ErrorKind::Exists));
  EXPECT_EQ(store_.content("a"), "first");
  EXPECT_EQ(store_.open_uploads(), 0);
}

TEST_F(OutgoingTest, AVanishedUploadIsStartedOnceMore) {
  append(3 * kPart);
  await_parts(3);
  store_.drop_uploads();
  ASSERT_TRUE(publish());
  EXPECT_TRUE(store_.content("a") == text_->text());
}

TEST_F(OutgoingTest, AStopEndsThePublishing) {
  auto rule = on(Op::UploadPart);
  rule.times = 0;
  auto held = store_.hold(rule);
  append(3 * kPart);
  std::stop_source stop;
  core::OpContext context;
  context.stop = stop.get_token();
  std::thread stopper([&] {
    held.await(2);
    stop.request_stop();
  });
  EXPECT_THAT(publish("a", context), FailsWith(ErrorKind::Cancelled));
  stopper.join();
  EXPECT_EQ(store_.open_uploads(), 0);
}

TEST_F(OutgoingTest, AWriterWaitsForTheNetwork) {
  auto rule = on(Op::UploadPart);
  rule.times = 0;
  auto held = store_.hold(rule);
  append(4 * kPart);
  out_->await_room({});  // has room
  append(kPart);
  std::thread writer([&] { out_->await_room({}); });
  while (metrics_["transfer.writers_waited"].value() == 0) {
    std::this_thread::yield();
  }
  held.release();
  writer.join();
  ASSERT_TRUE(publish());
  EXPECT_TRUE(store_.content("a") == text_->text());
}

TEST_F(OutgoingTest, AWriterDoesNotWaitForANetworkThatStands) {
  auto rule = on(Op::UploadPart);
  rule.times = 0;
  auto held = store_.hold(rule);
  append(6 * kPart);
  held.await(2);
  std::thread writer([&] { out_->await_room({}); });
  while (metrics_["transfer.writers_waited"].value() == 0) {
    std::this_thread::yield();
  }
  clock_.advance(6s);
  writer.join();
  out_->await_room({});  // not again
  EXPECT_EQ(metrics_["transfer.writers_waited"].value(), 1);
}

}  // namespace
